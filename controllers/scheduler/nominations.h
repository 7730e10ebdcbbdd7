// Which pods wait for which node: a preemptor is nominated to the node whose pods had to go for it,
// and its place there counts for every pod that is not more important until it is bound. Kept by
// the scheduler's thread; rules and cycles only read it.
//
//   nominations.Set(preemptor, "node1");
//   nominations.On("node1");           // {preemptor}
//   nominations.Remove(preemptor.uid())  // It is bound, gone, or lost the place.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {

class Nominations {
 public:
  // Replaces what is known of that pod.
  void Set(PodInfoPtr pod, const std::string& node);
  // The same pod as the API shows it by now; without effect when it is not nominated.
  void Refresh(const PodInfoPtr& pod);
  // False when it was not nominated.
  bool Remove(const std::string& uid);
  bool empty() const { return nodes_.empty(); }
  // "" when the pod waits for none.
  std::string NodeOf(const std::string& uid) const;
  const std::vector<PodInfoPtr>& On(const std::string& node) const;

 private:
  std::map<std::string, std::string> nodes_;               // By pod uid.
  std::map<std::string, std::vector<PodInfoPtr>> pods_;  // By node; no empty lists.
};

}  // namespace skiff::scheduler
