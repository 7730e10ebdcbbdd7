#include "api/select/node_selector.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace skiff {
namespace {

std::optional<int64_t> Integer(const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

bool Holds(const core_v1::NodeSelectorRequirement& requirement,
           const std::map<std::string, std::string>& values) {
  const auto found = values.find(requirement.key);
  const bool exists = found != values.end();
  const auto listed = [&] {
    return exists && std::find(requirement.values.begin(), requirement.values.end(),
                               found->second) != requirement.values.end();
  };
  if (requirement.operator_ == "In") return listed();
  if (requirement.operator_ == "NotIn") return !listed();
  if (requirement.operator_ == "Exists") return exists;
  if (requirement.operator_ == "DoesNotExist") return !exists;
  if (requirement.operator_ != "Gt" && requirement.operator_ != "Lt") return false;
  if (!exists || requirement.values.size() != 1) return false;
  const auto left = Integer(found->second);
  const auto right = Integer(requirement.values[0]);
  if (!left || !right) return false;
  return requirement.operator_ == "Gt" ? *left > *right : *left < *right;
}

}  // namespace

bool Matches(const core_v1::NodeSelectorTerm& term, const core_v1::Node& node) {
  if (term.match_expressions.empty() && term.match_fields.empty()) return false;
  const std::map<std::string, std::string> fields = {{"metadata.name", node.metadata.name}};
  return std::all_of(term.match_expressions.begin(), term.match_expressions.end(),
                     [&](const auto& each) { return Holds(each, node.metadata.labels); }) &&
         std::all_of(term.match_fields.begin(), term.match_fields.end(),
                     [&](const auto& each) { return Holds(each, fields); });
}

bool Matches(const core_v1::NodeSelector& selector, const core_v1::Node& node) {
  return std::any_of(selector.node_selector_terms.begin(), selector.node_selector_terms.end(),
                     [&](const auto& term) { return Matches(term, node); });
}

bool MatchesNodeSelection(const core_v1::PodSpec& spec, const core_v1::Node& node) {
  for (const auto& [key, value] : spec.node_selector) {
    const auto found = node.metadata.labels.find(key);
    if (found == node.metadata.labels.end() || found->second != value) return false;
  }
  if (!spec.affinity || !spec.affinity->node_affinity) return true;
  const auto& required =
      spec.affinity->node_affinity->required_during_scheduling_ignored_during_execution;
  return !required || Matches(*required, node);
}

}  // namespace skiff
