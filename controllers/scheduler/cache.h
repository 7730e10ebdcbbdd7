// The nodes and the pods on them, kept up to date by informer events and by the scheduler's own
// decisions: a pod counts on its node from the moment it is assumed there, before the API knows.
// One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "controllers/scheduler/node_tree.h"
#include "controllers/scheduler/pod_counts.h"

namespace skiff::scheduler {

class Cache {
 public:
  Cache() = default;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  void SetNode(NodePtr node);
  void RemoveNode(const std::string& name);
  // A pod that the API says is on a node, finished ones left out by the caller.
  void SetPod(PodPtr pod);
  // It left its node, whether the API had put it there or it was assumed. False when it was on
  // none.
  bool RemovePod(const std::string& uid);
  // Takes the space on `node` before the binding is written.
  void Assume(PodInfoPtr pod, const std::string& node);
  bool IsAssumed(const std::string& uid) const;
  struct Sizes {
    size_t nodes = 0;    // Those that are known by their pods alone, too.
    size_t pods = 0;     // Assumed ones, too.
    size_t assumed = 0;  // The API has not said yet that they are there.
  };
  Sizes sizes() const { return {nodes_.size(), places_.size(), assumed_}; }
  // As of NodeTree; pointers stay valid until the next change.
  const NodeList& Nodes();
  const NodeInfo* Find(const std::string& name) const;
  // Of the nodes that are listed; kept up to date.
  PodCounts& counts() { return counts_; }
  const ImageSpreads& images() const { return images_; }
  const Repellents& repellents() const { return repellents_; }

 private:
  // By name. Iterators stay valid until Erase, before which the last pod has gone.
  using Infos = std::map<std::string, NodeInfo>;
  struct Place {
    Infos::iterator node;
    bool assumed = false;
  };
  // Makes it where it is not there.
  Infos::iterator At(const std::string& node);
  void Erase(Infos::iterator node);
  void Put(PodInfoPtr pod, const std::string& node, bool assumed);
  // Takes the new version of a pod that is on that node already, and counts there as it did; most
  // versions differ in the status alone. False: it has to be counted anew.
  bool Renew(const PodInfoPtr& pod);
  void CountImages(const NodeInfo& info, int64_t sign);
  void CountRepellents(const NodeInfo& info, int sign);
  // Pods may be heard of before their node; such an entry has no node object and is not listed.
  Infos nodes_;
  std::vector<size_t> free_slots_;  // Of those below as many as there ever were at once.
  std::unordered_map<std::string, Place> places_;  // By pod uid.
  size_t assumed_ = 0;                             // Of those.
  PodCounts counts_;
  ImageSpreads images_;
  Repellents repellents_;
  NodeTree tree_;  // Of the nodes that are listed.
  NodeList order_;
  bool order_is_stale_ = true;
};

}  // namespace skiff::scheduler
