#include "api/rules/workloads/job_defaults.h"

#include <cstdint>

#include "api/gen/batch_v1.h"
#include "api/rules/defaults.h"

namespace skiff {

void DefaultPodFailurePolicy(batch_v1::JobSpec& spec) {
  if (!spec.pod_failure_policy) return;
  for (auto& rule : spec.pod_failure_policy->rules) {
    for (auto& pattern : rule.on_pod_conditions) Default(pattern.status, "True");
  }
}

void DefaultJob(batch_v1::Job& job) {
  auto& spec = job.spec;
  if (!spec.completions && !spec.parallelism) spec.completions = 1;
  Default(spec.parallelism, 1);
  Default(spec.backoff_limit, spec.backoff_limit_per_index ? INT32_MAX : 6);
  // Labels that a new Job's pods are given later, its own become too: until then it has none.
  const auto& labels = spec.template_.metadata.labels;
  if (spec.manual_selector.value_or(false) || labels.contains("controller-uid")) {
    Default(job.metadata.labels, labels);
  }
  Default(spec.completion_mode, "NonIndexed");
  Default(spec.suspend, false);
  Default(spec.pod_replacement_policy, spec.pod_failure_policy ? "Failed" : "TerminatingOrFailed");
  Default(spec.manual_selector, false);
  DefaultPodFailurePolicy(spec);
  DefaultPodTemplate(spec.template_);
}

}  // namespace skiff
