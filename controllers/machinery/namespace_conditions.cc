#include "controllers/machinery/namespace_conditions.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff {
namespace {

struct NamespaceFinding {
  bool bad;
  std::string_view type;
  std::string_view good_reason;
  std::string_view good_message;
  std::string_view bad_reason;
  std::string bad_message;
};

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// In an order that is the same each time: what is said does not change while nothing does.
std::string JoinSorted(std::vector<std::string> parts) {
  std::sort(parts.begin(), parts.end());
  return Join(parts);
}

std::string Counts(const std::map<std::string, int>& counts, std::string_view format) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts) {
    parts.push_back(fmt::format(fmt::runtime(format), name, count));
  }
  return Join(parts);
}

}  // namespace

std::string DiscoveryProblem(const NamespaceContent& content) {
  if (content.is_discovered() || !content.discovery_error.empty()) return content.discovery_error;
  return "unable to retrieve the complete list of server APIs: " +
         JoinSorted(content.discovery_failures);
}

std::vector<core_v1::NamespaceCondition> ConditionsOf(
    const NamespaceContent& content, const std::vector<core_v1::NamespaceCondition>& before,
    Time now) {
  const std::vector<NamespaceFinding> findings = {
      {!content.is_discovered(), "NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered",
       "All resources successfully discovered", "DiscoveryFailed",
       content.discovery_error.empty()
           ? fmt::format("Discovery failed for some groups, {} failing: {}",
                         content.discovery_failures.size(), DiscoveryProblem(content))
           : content.discovery_error},
      {false, "NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions",
       "All legacy kube types successfully parsed", "GroupVersionParsingFailed", ""},
      {!content.deletion_failures.empty(), "NamespaceDeletionContentFailure", "ContentDeleted",
       "All content successfully deleted, may be waiting on finalization", "ContentDeletionFailed",
       fmt::format("Failed to delete all resource types, {} remaining: {}",
                   content.deletion_failures.size(), JoinSorted(content.deletion_failures))},
      {!content.remaining.empty(), "NamespaceContentRemaining", "ContentRemoved",
       "All content successfully removed", "SomeResourcesRemain",
       "Some resources are remaining: " +
           Counts(content.remaining, "{} has {} resource instances")},
      {!content.finalizers.empty(), "NamespaceFinalizersRemaining", "ContentHasNoFinalizers",
       "All content-preserving finalizers finished", "SomeFinalizersRemain",
       "Some content in the namespace has finalizers remaining: " +
           Counts(content.finalizers, "{} in {} resource instances")}};
  std::vector<core_v1::NamespaceCondition> conditions = before;
  for (const NamespaceFinding& finding : findings) {
    auto condition = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const auto& it) { return it.type == finding.type; });
    if (condition == conditions.end()) {
      condition = conditions.insert(conditions.end(), core_v1::NamespaceCondition{});
      condition->type = finding.type;
    }
    const std::string status = finding.bad ? "True" : "False";
    if (condition->status != status) condition->last_transition_time = now;
    condition->status = status;
    condition->reason = finding.bad ? finding.bad_reason : finding.good_reason;
    condition->message = finding.bad ? finding.bad_message : finding.good_message;
  }
  return conditions;
}

}  // namespace skiff
