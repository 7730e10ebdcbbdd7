// Validation of whole pods and of pod templates.
#pragma once

#include "api/select/field_path.h"

namespace skiff {

class Violations;

namespace core_v1 {
struct Pod;
struct PodSpec;
struct PodTemplateSpec;
}  // namespace core_v1

namespace meta_v1 {
struct ObjectMeta;
}

// What a new pod must fulfil, and an updated one too: `old_spec` is nullptr on create.
void ValidatePodContent(const core_v1::Pod& pod, const core_v1::PodSpec* old_spec, Violations& out);
void ValidatePodCreate(const core_v1::Pod& pod, Violations& out);
void ValidatePodUpdate(const core_v1::Pod& pod, const core_v1::Pod& old, Violations& out);
void ValidatePodStatusUpdate(const core_v1::Pod& pod, const core_v1::Pod& old, Violations& out);

// Annotations that say something about the pod. `path` is that of the annotations.
void ValidatePodAnnotations(const meta_v1::ObjectMeta& meta, const core_v1::PodSpec& spec,
                            const FieldPath& path, Violations& out);
void ValidatePodAnnotationUpdates(const core_v1::Pod& pod, const core_v1::Pod& old,
                                  Violations& out);
// Profiles that are said twice, as annotation and as field, are the same.
void ValidateProfileAnnotations(const meta_v1::ObjectMeta& meta, const core_v1::PodSpec& spec,
                                const FieldPath& spec_path, Violations& out);

// `path` is the template's; `old` the template before an update, or nullptr.
void ValidatePodTemplateSpec(const core_v1::PodTemplateSpec& pod_template,
                             const core_v1::PodTemplateSpec* old, const FieldPath& path,
                             Violations& out);

}  // namespace skiff
