// When a Job counts as failed or as done before all of its pods are.
#include <algorithm>
#include <set>
#include <string_view>

#include "api/gen/batch_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/workloads/job_indexes.h"
#include "api/rules/workloads/job_validation.h"

namespace skiff {
namespace {

using namespace batch_v1;

constexpr size_t kRulesMax = 20;
constexpr size_t kPolicyExitCodesMax = 255;
constexpr size_t kPatternsMax = 20;
constexpr size_t kIndexesBytesMax = 64 * 1024;

// Required with the valid words spelled out.
void RequireWord(const std::string& value, Words words, const FieldPath& path, Violations& out) {
  if (!value.empty()) return CheckOneOf(value, words, path, out);
  std::string valid;
  for (const char* word : words) {
    valid += (valid.empty() ? "\"" : " \"") + std::string(word) + "\"";
  }
  out.Required(path, "valid values: [" + valid + "]");
}

using ContainerNames = std::set<std::string_view>;

// Of the pod's template, once for all rules: both may be as many as fit into a request.
ContainerNames NamesIn(const core_v1::PodSpec& spec) {
  ContainerNames names;
  for (const auto& container : spec.containers) names.insert(container.name);
  for (const auto& container : spec.init_containers) names.insert(container.name);
  return names;
}

void ValidateExitCodes(const PodFailurePolicyOnExitCodesRequirement& codes,
                       const ContainerNames& containers, const FieldPath& path, Violations& out) {
  RequireWord(codes.operator_, {"In", "NotIn"}, path.Child("operator"), out);
  if (codes.container_name && !containers.contains(*codes.container_name)) {
    out.Invalid(path.Child("containerName"), *codes.container_name,
                "must be one of the container or initContainer names in the pod template");
  }
  const FieldPath at = path.Child("values");
  if (codes.values.empty()) {
    out.Invalid(at, codes.values, "at least one value is required");
  } else if (codes.values.size() > kPolicyExitCodesMax) {
    out.TooMany(at, codes.values.size(), kPolicyExitCodesMax);
  }
  std::set<int32_t> seen;
  for (size_t i = 0; i < codes.values.size(); ++i) {
    const int32_t code = codes.values[i];
    if (code == 0 && codes.operator_ == "In") {
      out.Invalid(at.Index(i), code, "must not be 0 for the In operator");
    }
    if (!seen.insert(code).second) out.Duplicate(at.Index(i), code);
  }
  if (!std::ranges::is_sorted(codes.values)) out.Invalid(at, codes.values, "must be ordered");
}

void ValidatePatterns(const std::vector<PodFailurePolicyOnPodConditionsPattern>& patterns,
                      const FieldPath& path, Violations& out) {
  if (patterns.size() > kPatternsMax) out.TooMany(path, patterns.size(), kPatternsMax);
  for (size_t i = 0; i < patterns.size(); ++i) {
    CheckFormat(LabelKeyErrors, patterns[i].type, path.Index(i).Child("type"), out);
    RequireWord(patterns[i].status, {"False", "True", "Unknown"}, path.Index(i).Child("status"),
                out);
  }
}

void ValidateSuccessRule(const SuccessPolicyRule& rule, const JobSpec& spec, const FieldPath& path,
                         Violations& out) {
  if (!rule.succeeded_count && !rule.succeeded_indexes) {
    out.Required(path, "at least one of succeededCount or succeededIndexes must be specified");
  }
  int64_t listed = 0;
  const int32_t completions = spec.completions.value_or(0);
  if (rule.succeeded_indexes) {
    const FieldPath at = path.Child("succeededIndexes");
    const std::string& text = *rule.succeeded_indexes;
    if (text.size() > kIndexesBytesMax) out.TooLong(at, kIndexesBytesMax);
    const auto ranges = ParseIndexes(text, completions);
    if (!ranges) {
      out.Invalid(at, text, "error parsing succeededIndexes: " + ranges.error().message);
    } else {
      listed = CountIndexes(*ranges);
    }
  }
  if (!rule.succeeded_count) return;
  const FieldPath at = path.Child("succeededCount");
  const int32_t count = *rule.succeeded_count;
  ValidateNonNegative(count, at, out);
  if (spec.completions && count > completions) {
    out.Invalid(at, count,
                "must be less than or equal to " + std::to_string(completions) +
                    " (the number of specified completions)");
  }
  if (rule.succeeded_indexes && count > listed) {
    out.Invalid(at, count,
                "must be less than or equal to " + std::to_string(listed) +
                    " (the number of indexes in the specified succeededIndexes field)");
  }
}

}  // namespace

void ValidatePodFailurePolicy(const JobSpec& spec, const FieldPath& path, Violations& out) {
  const auto& rules = spec.pod_failure_policy->rules;
  const FieldPath list = path.Child("rules");
  if (rules.size() > kRulesMax) out.TooMany(list, rules.size(), kRulesMax);
  const ContainerNames containers = NamesIn(spec.template_.spec);
  for (size_t i = 0; i < rules.size(); ++i) {
    const PodFailurePolicyRule& rule = rules[i];
    const FieldPath at = list.Index(i);
    if (rule.action == "FailIndex" && !spec.backoff_limit_per_index) {
      out.Invalid(at.Child("action"), rule.action, "requires the backoffLimitPerIndex to be set");
    } else {
      RequireWord(rule.action, {"Count", "FailIndex", "FailJob", "Ignore"}, at.Child("action"),
                  out);
    }
    if (rule.on_exit_codes) {
      ValidateExitCodes(*rule.on_exit_codes, containers, at.Child("onExitCodes"), out);
    }
    ValidatePatterns(rule.on_pod_conditions, at.Child("onPodConditions"), out);
    if (rule.on_exit_codes && !rule.on_pod_conditions.empty()) {
      out.Invalid(at, Printed::Nothing(),
                  "specifying both OnExitCodes and OnPodConditions is not supported");
    }
    if (!rule.on_exit_codes && rule.on_pod_conditions.empty()) {
      out.Invalid(at, Printed::Nothing(),
                  "specifying one of OnExitCodes and OnPodConditions is required");
    }
  }
}

void ValidateSuccessPolicy(const JobSpec& spec, const FieldPath& path, Violations& out) {
  const auto& rules = spec.success_policy->rules;
  const FieldPath list = path.Child("rules");
  if (rules.empty()) {
    out.Required(list, "at least one rules must be specified when the successPolicy is specified");
  }
  if (rules.size() > kRulesMax) out.TooMany(list, rules.size(), kRulesMax);
  for (size_t i = 0; i < rules.size(); ++i) {
    ValidateSuccessRule(rules[i], spec, list.Index(i), out);
  }
}

}  // namespace skiff
