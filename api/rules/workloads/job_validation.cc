#include "api/rules/workloads/job_validation.h"

#include "api/gen/batch_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/go_struct.h"
#include "api/rules/pods/pod_validation.h"
#include "api/rules/workloads/workload_validation.h"
#include "api/select/selector.h"

namespace skiff {
namespace {

using namespace batch_v1;

constexpr int32_t kIndexedMax = 100'000;
constexpr int32_t kIndexedPerIndexMax = 10'000;
constexpr size_t kManagedByBytesMax = 63;
constexpr const char* kSelectorMismatch = "`selector` does not match template `labels`";

const FieldPath& SpecPath() {
  static const FieldPath path("spec");
  return path;
}

void ValidateCounts(const JobSpec& spec, const FieldPath& path, Violations& out) {
  const auto count = [&](const auto& value, const char* field) {
    if (value) ValidateNonNegative(*value, path.Child(field), out);
  };
  count(spec.parallelism, "parallelism");
  count(spec.completions, "completions");
  count(spec.active_deadline_seconds, "activeDeadlineSeconds");
  count(spec.backoff_limit, "backoffLimit");
  count(spec.ttl_seconds_after_finished, "ttlSecondsAfterFinished");
  count(spec.backoff_limit_per_index, "backoffLimitPerIndex");
  count(spec.max_failed_indexes, "maxFailedIndexes");
  if (spec.max_failed_indexes && !spec.backoff_limit_per_index) {
    out.Required(path.Child("backoffLimitPerIndex"), "when maxFailedIndexes is specified");
  }
}

// What the server can keep track of is bounded.
void ValidateManyIndexes(const JobSpec& spec, const FieldPath& path, Violations& out) {
  constexpr const char* kTooMany =
      "must be less than or equal to 10000 when completions are above 100000 and used with backoff "
      "limit per index";
  if (*spec.completions <= kIndexedMax || !spec.backoff_limit_per_index) return;
  if (!spec.max_failed_indexes) {
    out.Required(path.Child("maxFailedIndexes"),
                 "must be specified when completions is above 100000");
  }
  if (spec.parallelism.value_or(0) > kIndexedPerIndexMax) {
    out.Invalid(path.Child("parallelism"), *spec.parallelism, kTooMany);
  }
  if (spec.max_failed_indexes.value_or(0) > kIndexedPerIndexMax) {
    out.Invalid(path.Child("maxFailedIndexes"), *spec.max_failed_indexes, kTooMany);
  }
}

void ValidateIndexed(const JobSpec& spec, const FieldPath& path, Violations& out) {
  const FieldPath max_failed = path.Child("maxFailedIndexes");
  if (spec.completion_mode && !IsOneOf(*spec.completion_mode, {"NonIndexed", "Indexed"})) return;
  if (!IsIndexedJob(spec)) {
    constexpr const char* kRequiresIndexed = "requires indexed completion mode";
    if (spec.backoff_limit_per_index) {
      out.Invalid(path.Child("backoffLimitPerIndex"), *spec.backoff_limit_per_index,
                  kRequiresIndexed);
    }
    if (spec.max_failed_indexes) {
      out.Invalid(max_failed, *spec.max_failed_indexes, kRequiresIndexed);
    }
    return;
  }
  if (!spec.completions) {
    out.Required(path.Child("completions"), "when completion mode is Indexed");
  }
  if (spec.parallelism.value_or(0) > kIndexedMax) {
    out.Invalid(path.Child("parallelism"), *spec.parallelism,
                "must be less than or equal to 100000 when completion mode is Indexed");
  }
  if (spec.max_failed_indexes) {
    if (spec.completions && *spec.max_failed_indexes > *spec.completions) {
      out.Invalid(max_failed, *spec.max_failed_indexes,
                  "must be less than or equal to completions");
    }
    if (*spec.max_failed_indexes > kIndexedMax) {
      out.Invalid(max_failed, *spec.max_failed_indexes, "must be less than or equal to 100000");
    }
  }
  if (spec.completions) ValidateManyIndexes(spec, path, out);
}

void ValidateRestartPolicy(const JobSpec& spec, const FieldPath& path, Violations& out) {
  const std::string& policy = spec.template_.spec.restart_policy;
  if (policy.empty() || policy == "Always") {
    out.Required(path, R"(valid values: "OnFailure", "Never")");
  } else if (policy != "OnFailure" && policy != "Never") {
    out.NotSupported(path, policy, {"OnFailure", "Never"});
  } else if (spec.pod_failure_policy && policy != "Never") {
    out.Invalid(path, policy, "only \"Never\" is supported when podFailurePolicy is specified");
  }
}

void ValidateSpec(const JobSpec& spec, const JobSpec* old, Violations& out) {
  const FieldPath& path = SpecPath();
  ValidateJobSpecBody(spec, old, path, out);
  if (!spec.selector) {
    out.Required(path.Child("selector"));
  } else {
    ValidateLabelSelector(*spec.selector, {}, path.Child("selector"), out);
  }
  const auto selector =
      spec.selector ? LabelSelector::From(*spec.selector) : LabelSelector::Nothing();
  const auto& labels = spec.template_.metadata.labels;
  if (selector && !selector->Matches(labels)) {
    out.Invalid(path.Child("template").Child("metadata").Child("labels"), LabelsJson(labels),
                kSelectorMismatch);
  }
}

// Unless the client chose them, selector and labels are the Job's own.
void ValidateGeneratedSelector(const Job& object, bool prefixed, Violations& out) {
  if (object.spec.manual_selector.value_or(false) || !object.spec.selector) return;
  if (object.metadata.uid.empty()) out.Required(FieldPath("metadata").Child("uid"));
  const FieldPath at = SpecPath().Child("template").Child("metadata").Child("labels");
  const auto& labels = object.spec.template_.metadata.labels;
  std::map<std::string, std::string> expected;
  const auto require = [&](const char* key, const std::string& value) {
    expected[key] = value;
    const std::string detail = "must be '" + value + "'";
    const auto found = labels.find(key);
    if (found == labels.end()) {
      out.Required(at.Key(key), detail);
    } else if (found->second != value) {
      out.Invalid(at.Key(key), labels, detail);
    }
  };
  require("controller-uid", object.metadata.uid);
  require("job-name", object.metadata.name);
  if (prefixed) {
    require("batch.kubernetes.io/controller-uid", object.metadata.uid);
    require("batch.kubernetes.io/job-name", object.metadata.name);
  }
  const auto selector = LabelSelector::From(*object.spec.selector);
  if (selector && !selector->Matches(expected)) {
    out.Invalid(SpecPath().Child("selector"), Printed(*object.spec.selector),
                "`selector` not auto-generated");
  }
}

void Validate(const Job& object, const Job* old, bool prefixed, Violations& out) {
  ValidateGeneratedSelector(object, prefixed, out);
  ValidateSpec(object.spec, old ? &old->spec : nullptr, out);
  const auto& completions = object.spec.completions;
  if (!IsIndexedJob(object.spec) || !completions || *completions <= 0) return;
  const std::string last = object.metadata.name + "-" + std::to_string(*completions - 1);
  if (Dns1123LabelErrors(last).empty()) return;
  out.Invalid(FieldPath("metadata").Child("name"), object.metadata.name,
              "will not able to create pod with invalid DNS label: " + last);
}

void ValidateCompletions(const JobSpec& spec, const JobSpec& old, Violations& out) {
  const FieldPath at = SpecPath().Child("completions");
  if (spec.completions == old.completions) return;
  if (!IsIndexedJob(spec)) return AddImmutable(spec.completions, at, out);
  // That an indexed Job has completions is looked at elsewhere.
  if (spec.completions && spec.completions != spec.parallelism) {
    out.Invalid(at, *spec.completions, "can only be modified in tandem with spec.parallelism");
  }
}

// A Job that has not begun may still be moved to other nodes.
void ValidateTemplateChange(const Job& object, const Job& old, Violations& out) {
  core_v1::PodTemplateSpec before = old.spec.template_;
  const auto& now = object.spec.template_;
  if (old.spec.suspend.value_or(false) && !old.status.start_time) {
    if (now.spec.affinity) {
      before.spec.affinity.Ensure().node_affinity = now.spec.affinity->node_affinity;
    } else if (before.spec.affinity) {
      before.spec.affinity->node_affinity.reset();
      if (*before.spec.affinity == core_v1::Affinity()) before.spec.affinity.reset();
    }
    before.spec.node_selector = now.spec.node_selector;
    before.spec.tolerations = now.spec.tolerations;
    before.spec.scheduling_gates = now.spec.scheduling_gates;
    before.metadata.labels = now.metadata.labels;
    before.metadata.annotations = now.metadata.annotations;
  }
  if (!(now == before)) {
    out.Invalid(SpecPath().Child("template"), GoStruct(now), kFieldImmutable);
  }
}

template <typename Policy>
void CheckPolicyImmutable(const Box<Policy>& policy, const Box<Policy>& old, const char* field,
                          Violations& out) {
  if (policy == old) return;
  const FieldPath at = SpecPath().Child(field);
  policy ? out.Invalid(at, GoStruct(*policy), kFieldImmutable)
         : out.Invalid(at, nullptr, kFieldImmutable);
}

}  // namespace

bool IsIndexedJob(const JobSpec& spec) {
  return spec.completion_mode == "Indexed";
}

void ValidateJobSpecBody(const JobSpec& spec, const JobSpec* old, const FieldPath& path,
                         Violations& out) {
  ValidateCounts(spec, path, out);
  if (spec.managed_by) {
    ValidateDomainPrefixedPath(*spec.managed_by, path.Child("managedBy"), out);
    if (spec.managed_by->size() > kManagedByBytesMax) {
      out.TooLong(path.Child("managedBy"), kManagedByBytesMax);
    }
  }
  if (spec.completion_mode) {
    CheckOneOf(*spec.completion_mode, {"NonIndexed", "Indexed"}, path.Child("completionMode"), out);
  }
  ValidateIndexed(spec, path, out);
  if (spec.pod_failure_policy) {
    ValidatePodFailurePolicy(spec, path.Child("podFailurePolicy"), out);
  }
  if (spec.success_policy) {
    const FieldPath at = path.Child("successPolicy");
    if (!IsIndexedJob(spec)) {
      out.Invalid(at, GoStruct(*spec.success_policy), "requires indexed completion mode");
    } else {
      ValidateSuccessPolicy(spec, at, out);
    }
  }
  if (spec.pod_replacement_policy) {
    const FieldPath at = path.Child("podReplacementPolicy");
    if (spec.pod_failure_policy) {
      CheckOneOf(*spec.pod_replacement_policy, {"Failed"}, at, out);
    } else {
      CheckOneOf(*spec.pod_replacement_policy, {"Failed", "TerminatingOrFailed"}, at, out);
    }
  }
  const FieldPath at = path.Child("template");
  ValidatePodTemplateSpec(spec.template_, old ? &old->template_ : nullptr, at, out);
  ValidateRestartPolicy(spec, at.Child("spec").Child("restartPolicy"), out);
}

void ValidateJob(const Job& object, Violations& out) {
  Validate(object, nullptr, true, out);
}

void ValidateJobUpdate(const Job& object, const Job& old, Violations& out) {
  const auto& labels = old.spec.template_.metadata.labels;
  const bool prefixed = labels.contains("batch.kubernetes.io/controller-uid") &&
                        labels.contains("batch.kubernetes.io/job-name");
  Validate(object, &old, prefixed, out);
  // Kubernetes checks the spec once more with what may not change, and says all of it twice.
  ValidateSpec(object.spec, &old.spec, out);
  ValidateCompletions(object.spec, old.spec, out);
  ValidateImmutable(object.spec.selector, old.spec.selector, SpecPath().Child("selector"), out);
  ValidateTemplateChange(object, old, out);
  ValidateImmutable(object.spec.completion_mode, old.spec.completion_mode,
                    SpecPath().Child("completionMode"), out);
  CheckPolicyImmutable(object.spec.pod_failure_policy, old.spec.pod_failure_policy,
                       "podFailurePolicy", out);
  ValidateImmutable(object.spec.backoff_limit_per_index, old.spec.backoff_limit_per_index,
                    SpecPath().Child("backoffLimitPerIndex"), out);
  ValidateImmutable(object.spec.managed_by, old.spec.managed_by, SpecPath().Child("managedBy"),
                    out);
  CheckPolicyImmutable(object.spec.success_policy, old.spec.success_policy, "successPolicy", out);
}

}  // namespace skiff
