// The nodes of a cluster by what keeps a pod off each of them, with numbers: pure, of what was
// read.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/why/facts.h"
#include "cli/why/finding.h"
#include "cli/why/scheduling.h"

namespace skiff::cli::why {

// Nodes that the same thing keeps the pod off.
struct NodeGroup {
  Obstacle obstacle;
  std::vector<std::string> nodes;
  // By resource: the node that lacks the least of it.
  std::map<std::string, std::pair<Shortage, std::string>> best;
  // Those that nothing else keeps it off, where that can be told; else what does of the first one.
  std::vector<std::string> freed;
  std::string behind;
};

struct Survey {
  std::vector<NodeGroup> groups;     // The largest first.
  std::vector<std::string> fitting;  // Nodes that nothing looked at here keeps it off.
  size_t nodes = 0;
  std::string own_node;  // The one that it is for and no other; "": it is for any.

  std::string OnlyNode() const {
    return own_node.empty() ? "the only node" : "node " + own_node + ", which it is for,";
  }
};

// Of all nodes that were read, or of the one that the pod is for; none of a pod that cannot be
// read.
Survey SurveyOf(const Facts& facts, const Json& pod);

// What is in its way, where no node fits: one group is said whole, of several how many nodes each.
std::string SurveyText(const Survey& survey);
// Adds what was seen of each group, the largest ones, and of the nodes that fit.
void AddSurvey(const Facts& facts, const Json& pod, const Survey& survey, Finding& finding);
// Adds what would open nodes to the pod, or show more of them.
void AddSurveyCommands(const Survey& survey, const Json& pod, Finding& finding);

}  // namespace skiff::cli::why
