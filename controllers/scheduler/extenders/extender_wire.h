// What extenders are sent and what they answer: k8s.io/kube-scheduler/extender/v1 as JSON. Names of
// fields begin with capitals there, and are read whatever their case is, as Go reads them. Pure.
//
// An answer is read piece by piece and never becomes a document: however long or deep it is, no
// more is kept of it than names and texts of what was asked about.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"
#include "controllers/scheduler/preemption.h"

namespace skiff::scheduler {

// Of an extender's texts that are kept: why a node will not do, or what went wrong.
inline constexpr size_t kExtenderTextBytesMax = 1024;
// Items of one list or map in an answer; there are no clusters of more nodes.
inline constexpr size_t kExtenderItemsMax = 100'000;

// ExtenderArgs: by names alone where the extender knows the nodes.
std::string NodesQuestion(const core_v1::Pod& pod, std::span<const NodePtr> nodes, bool by_names);
// ExtenderPreemptionArgs. `by_uids`: the victims' uids alone.
std::string PreemptionQuestion(const core_v1::Pod& pod, std::span<const Victims> candidates,
                               bool by_uids);
// ExtenderBindingArgs
std::string BindingQuestion(const core_v1::Pod& pod, const std::string& node);

// ExtenderFilterResult
struct FilterAnswer {
  std::optional<std::vector<std::string>> nodes;  // The names of `Nodes`.
  std::optional<std::vector<std::string>> node_names;
  // Node -> why.
  std::map<std::string, std::string> failed;
  std::map<std::string, std::string> failed_and_unresolvable;
  std::string error;
};
Result<FilterAnswer> ReadFilterAnswer(std::string_view text);

// HostPriorityList: what each node is said to have, added up.
Result<std::map<std::string, int64_t>> ReadPriorities(std::string_view text);

// ExtenderBindingResult: its error.
Result<std::string> ReadBindingAnswer(std::string_view text);

// MetaVictims of ExtenderPreemptionResult.
struct MetaVictims {
  std::vector<std::string> uids;
  int64_t budget_violations = 0;
};
// By node.
Result<std::map<std::string, MetaVictims>> ReadPreemptionAnswer(std::string_view text);

}  // namespace skiff::scheduler
