// What the validation of workloads has in common: selectors, templates, and numbers that may be
// percentages.
#pragma once

#include <string>

#include "api/gen/core_v1.h"
#include "api/select/field_path.h"
#include "api/violations.h"

namespace skiff {

// A number, or a percentage like "25%".
void CheckIntOrPercent(const IntOrString& value, const FieldPath& path, Violations& out);
void CheckAtMost100Percent(const IntOrString& value, const FieldPath& path, Violations& out);
// The number, whether a percentage or not and also where a text holds it; 0 for other texts.
int IntOrPercentValue(const IntOrString& value);
Json IntOrStringJson(const IntOrString& value);

// Labels as an error shows them.
Json LabelsJson(const std::map<std::string, std::string>& labels);

// A selector that has to be there and to select something; `kind` as in "invalid for deployment".
void RequireSelector(const Box<meta_v1::LabelSelector>& selector, const std::string& kind,
                     const FieldPath& path, Violations& out);
// A selector that is missing selects nothing; one that is no selector was reported elsewhere.
void CheckTemplateMatches(const Box<meta_v1::LabelSelector>& selector,
                          const core_v1::PodTemplateSpec& pod_template, const FieldPath& path,
                          Violations& out);
// Pods of these workloads run forever. `kind` as in "in ReplicaSet is not Supported".
void CheckRunsForever(const core_v1::PodSpec& spec, const std::string& kind, const FieldPath& path,
                      Violations& out);

// Counters of a status that may not exceed another.
void CheckAtMost(int32_t value, int32_t value_max, const FieldPath& path, std::string_view detail,
                 Violations& out);
// Of a ReplicaSet or a ReplicationController.
template <typename Status>
void CheckReplicaCounts(const Status& status, const FieldPath& path, Violations& out) {
  constexpr const char* kAboveReplicas = "cannot be greater than status.replicas";
  CheckAtMost(status.fully_labeled_replicas, status.replicas, path.Child("fullyLabeledReplicas"),
              kAboveReplicas, out);
  CheckAtMost(status.ready_replicas, status.replicas, path.Child("readyReplicas"), kAboveReplicas,
              out);
  CheckAtMost(status.available_replicas, status.replicas, path.Child("availableReplicas"),
              kAboveReplicas, out);
  CheckAtMost(status.available_replicas, status.ready_replicas, path.Child("availableReplicas"),
              "cannot be greater than readyReplicas", out);
}
void CheckNotDecremented(const std::optional<int32_t>& value, const std::optional<int32_t>& old,
                         const FieldPath& path, Violations& out);

}  // namespace skiff
