// What a runtime in memory has, by id, and by the pod that a label names: a kubelet asks for what
// one pod has, once a minute for each of its pods, and must not look at all of the node for it.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "kubelet/cri.h"
#include "kubelet/pod_observed.h"

namespace skiff::cri {

// Sandboxes or containers, in the order of their ids. Labels of what is in here do not change.
template <typename Thing>
class ByPod {
 public:
  auto begin() { return things_.begin(); }
  auto end() { return things_.end(); }
  auto begin() const { return things_.begin(); }
  auto end() const { return things_.end(); }
  auto find(const std::string& id) { return things_.find(id); }
  auto find(const std::string& id) const { return things_.find(id); }
  bool contains(const std::string& id) const { return things_.contains(id); }

  void Add(Thing thing) {
    const std::string id = thing.id;
    of_pods_[PodOf(thing.labels)].insert(id);
    things_.emplace(id, std::move(thing));
  }

  void Remove(const std::string& id) {
    const auto found = things_.find(id);
    if (found == things_.end()) return;
    const auto of_pod = of_pods_.find(PodOf(found->second.labels));
    of_pod->second.erase(id);
    if (of_pod->second.empty()) of_pods_.erase(of_pod);
    things_.erase(found);
  }

  // Calls `take` with each that has all of these labels.
  template <typename Take>
  void EachWith(const StringMap& labels, Take take) const {
    const auto covers = [&](const Thing& thing) {
      return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
        const auto found = thing.labels.find(label.first);
        return found != thing.labels.end() && found->second == label.second;
      });
    };
    if (!labels.contains(kubelet::kPodUidLabel)) {
      for (const auto& [id, thing] : things_) {
        if (covers(thing)) take(thing);
      }
      return;
    }
    const auto of_pod = of_pods_.find(PodOf(labels));
    if (of_pod == of_pods_.end()) return;
    for (const std::string& id : of_pod->second) {
      const Thing& thing = things_.at(id);
      if (covers(thing)) take(thing);
    }
  }

 private:
  // "": of none.
  static std::string PodOf(const StringMap& labels) {
    const auto found = labels.find(kubelet::kPodUidLabel);
    return found == labels.end() ? "" : found->second;
  }

  std::map<std::string, Thing> things_;
  std::map<std::string, std::set<std::string>> of_pods_;  // Ids, by uid.
};

}  // namespace skiff::cri
