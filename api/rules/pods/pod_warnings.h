// What a pod or its template says that is allowed but hardly meant: texts for Warning headers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/rules/names.h"
#include "api/select/field_path.h"

namespace skiff {

namespace core_v1 {
struct NodeSelectorTerm;
struct PersistentVolumeClaimSpec;
struct Pod;
struct PodSpec;
struct PodTemplateSpec;
}  // namespace core_v1

void WarnOfPod(const core_v1::Pod& pod, const core_v1::Pod* old, std::vector<std::string>& out);
void WarnOfPodStatus(const core_v1::Pod& pod, std::vector<std::string>& out);
// `path` is the template's.
void WarnOfPodTemplate(const core_v1::PodTemplateSpec& pod_template, const FieldPath& path,
                       std::vector<std::string>& out);
// What is said of a label that nodes had in earlier versions; "" of others.
std::string_view DeprecatedNodeLabel(std::string_view label);
// `check_values`: whether values that no label can have are told here, not refused.
void WarnOfNodeSelectorTerm(const core_v1::NodeSelectorTerm& term, bool check_values,
                            const FieldPath& path, std::vector<std::string>& out);
// Of a claim that is made from a template.
void WarnOfClaimSpec(const core_v1::PersistentVolumeClaimSpec& spec, const FieldPath& path,
                     std::vector<std::string>& out);
// Names of workloads become parts of hostnames.
void WarnOfWorkloadName(const std::string& name, std::vector<std::string>& out);

// For a workload whose spec has the template: on create, and when an update changed the spec.
template <typename Workload>
void WarnOfTemplate(const Workload& object, const Workload* old, const FieldPath& path,
                    std::vector<std::string>& out) {
  if (old != nullptr && old->metadata.generation == object.metadata.generation) return;
  WarnOfPodTemplate(object.spec.template_, path, out);
}

}  // namespace skiff
