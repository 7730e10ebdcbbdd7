#include "controllers/workloads/job_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace skiff::job {
namespace {

using batch_v1::Job;
using batch_v1::PodFailurePolicyOnExitCodesRequirement;
using batch_v1::PodFailurePolicyRule;
using core_v1::ContainerStatus;
using core_v1::Pod;

bool IsAsked(int32_t exit_code, const PodFailurePolicyOnExitCodesRequirement& asked) {
  const bool listed =
      std::find(asked.values.begin(), asked.values.end(), exit_code) != asked.values.end();
  if (asked.operator_ == "In") return listed;
  return asked.operator_ == "NotIn" && !listed;
}

// The first container that ended as asked; nullptr when none did. One that still runs has no code.
const ContainerStatus* EndedAsAsked(const std::vector<ContainerStatus>& containers,
                                    const PodFailurePolicyOnExitCodesRequirement& asked) {
  for (const ContainerStatus& status : containers) {
    if (!status.state.terminated || status.state.terminated->exit_code == 0) continue;
    if (asked.container_name && *asked.container_name != status.name) continue;
    if (IsAsked(status.state.terminated->exit_code, asked)) return &status;
  }
  return nullptr;
}

// What about the pod matches the rule, as the message of a failed job has it.
std::optional<std::string> Match(const PodFailurePolicyRule& rule, const Pod& pod) {
  const auto& meta = pod.metadata;
  if (rule.on_exit_codes) {
    const auto* ended = EndedAsAsked(pod.status.container_statuses, *rule.on_exit_codes);
    if (!ended) ended = EndedAsAsked(pod.status.init_container_statuses, *rule.on_exit_codes);
    if (!ended) return std::nullopt;
    return fmt::format("Container {} for pod {}/{} failed with exit code {}", ended->name,
                       meta.namespace_, meta.name, ended->state.terminated->exit_code);
  }
  for (const auto& condition : pod.status.conditions) {
    for (const auto& pattern : rule.on_pod_conditions) {
      if (condition.type != pattern.type || condition.status != pattern.status) continue;
      return fmt::format("Pod {}/{} has condition {}", meta.namespace_, meta.name, condition.type);
    }
  }
  return std::nullopt;
}

}  // namespace

FailureMatch MatchFailurePolicy(const Job& job, const Pod& failed) {
  if (!job.spec.pod_failure_policy) return {};
  const auto& rules = job.spec.pod_failure_policy->rules;
  for (size_t i = 0; i < rules.size(); ++i) {
    const auto found = Match(rules[i], failed);
    if (!found) continue;
    FailureMatch match;
    match.action = rules[i].action;
    if (match.action == "FailJob") {
      match.message = fmt::format("{} matching {} rule at index {}", *found, match.action, i);
    }
    return match;
  }
  return {};
}

std::optional<size_t> MetSuccessRule(const Job& job, const Indexes& succeeded) {
  if (!job.spec.success_policy || succeeded.Count() == 0) return std::nullopt;
  const auto& rules = job.spec.success_policy->rules;
  for (size_t i = 0; i < rules.size(); ++i) {
    const auto& count = rules[i].succeeded_count;
    if (!rules[i].succeeded_indexes) {
      if (count && succeeded.Count() >= *count) return i;
      continue;
    }
    const auto wanted =
        Indexes::Parse(*rules[i].succeeded_indexes, job.spec.completions.value_or(0));
    if (wanted.Count() == 0) continue;
    const int64_t there = wanted.CountShared(succeeded);
    if (there == wanted.Count() || (count && there >= *count)) return i;
  }
  return std::nullopt;
}

}  // namespace skiff::job
