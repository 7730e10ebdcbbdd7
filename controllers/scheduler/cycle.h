// One scheduling decision: which node a pod goes to, or why none will do. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/id.h"
#include "controllers/scheduler/framework.h"
#include "controllers/scheduler/nominations.h"

namespace skiff::scheduler {

// Why no node took a pod.
struct Unfit {
  size_t nodes = 0;                    // How many there are.
  std::map<std::string, int> reasons;  // Reason -> number of nodes.
  std::set<std::string> rejectors;     // Rules that said no: their events make a retry worthwhile.
  std::string overall;                 // A rejection that holds for every node.
  std::vector<std::string> preemptable;  // Nodes where removing pods may help.

  // `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).`
  std::string Message() const;
};

struct Decision {
  std::string node;  // "" when unfit.
  Unfit unfit;
  std::string error;  // As of Search.
};

// How many feasible nodes are looked for before scoring begins: all below 100 nodes, then that
// percentage of them; 0 is a share that shrinks as clusters grow (percentageOfNodesToScore).
size_t FeasibleWanted(size_t nodes, int percentage = 0);

// A node that did not take the pod.
struct Refusal {
  const NodeInfo* node = nullptr;
  std::string_view rule;  // "" when the pod fits.
  Verdict verdict;
};

// What filters say of the nodes that were looked at.
struct Search {
  std::vector<const NodeInfo*> feasible;
  bool is_nominated = false;  // It is the one node that the pod waited for.
  std::vector<Refusal> refused;  // Where nodes fit, not all of them (SearchOptions).
  Unfit unfit;  // Without the refusals (Tell): most searches find something.
  // A rule could not say, and so nothing is decided: `running "DynamicResources" filter plugin:
  // ...`
  std::string error;
};
struct SearchOptions {
  int percentage = 0;           // As of FeasibleWanted.
  bool first_will_do = false;   // Nobody compares them.
  bool tries_nominated = true;  // The node that the pod is nominated to, before all others.
  bool keeps_refusals = false;  // Though nodes fit: somebody asks why the others do not.
};
// Looks at nodes from `start` on, and moves it as Schedule does.
Search FindNodes(const PodInfo& pod, const Snapshot& snapshot, size_t& start,
                 const SearchOptions& options);
// Adds to `unfit` what nodes said.
void Tell(const std::vector<Refusal>& refused, Unfit& unfit);
// Of the nodes those that take the pod as the snapshot shows them.
std::vector<const NodeInfo*> StillFeasible(const PodInfo& pod, const Snapshot& snapshot,
                                           const std::vector<const NodeInfo*>& nodes);
// The node with the highest score, others' opinions of them by name added. Not of none.
std::string BestOf(const PodInfo& pod, const Snapshot& snapshot,
                   const std::vector<const NodeInfo*>& feasible,
                   const std::map<std::string, int64_t>& opinions, Random& random);

// Looks at nodes from `start` on and moves it behind the last one looked at, so that clusters in
// which not all nodes are scored are used evenly. Ties are drawn at random. A pod that is nominated
// gets its node if it fits there by now, whatever the others are like.
Decision Schedule(const PodInfo& pod, const Snapshot& snapshot, size_t& start, Random& random,
                  const SearchOptions& options = {});

// Whether the pod fits on that one node as the snapshot shows it: beside the pods that are
// nominated to the node and are not less important, and without them, as they may yet go elsewhere.
Verdict FitsOn(const PodInfo& pod, const NodeInfo& node, const Snapshot& snapshot);

}  // namespace skiff::scheduler
