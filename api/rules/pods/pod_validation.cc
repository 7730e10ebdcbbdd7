#include "api/rules/pods/pod_validation.h"

#include "api/pods/mirror_pods.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/pods/pod_spec_validation.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr size_t kPodNameBytesMax = 253;

// What its volumes are called by. A pod is refused for a longer one, which may be half of the
// document and is not to be copied for each of ten thousand volumes.
std::string_view NameForClaims(const Pod& pod) {
  const std::string& name = pod.metadata.name;
  return name.size() <= kPodNameBytesMax ? std::string_view(name) : std::string_view();
}

// A token speaks for an account.
void ValidateTokenSources(const PodSpec& spec, const FieldPath& path, Violations& out) {
  if (!spec.service_account_name.empty()) return;
  for (size_t i = 0; i < spec.volumes.size(); ++i) {
    if (!spec.volumes[i].projected) continue;
    const auto& sources = spec.volumes[i].projected->sources;
    for (size_t j = 0; j < sources.size(); ++j) {
      if (!sources[j].service_account_token) continue;
      out.Forbidden(
          path.Index(i).Child("projected").Child("sources").Index(j).Child("serviceAccountToken"),
          "must not be specified when serviceAccountName is not set");
    }
  }
}

}  // namespace

void ValidatePodContent(const Pod& pod, const PodSpec* old_spec, Violations& out) {
  const FieldPath metadata("metadata");
  const FieldPath path("spec");
  ValidatePodAnnotations(pod.metadata, pod.spec, metadata.Child("annotations"), out);
  ValidatePodSpec({.spec = pod.spec,
                   .pod_name = NameForClaims(pod),
                   .is_mirror = pod.metadata.annotations.contains(kMirrorPodAnnotation),
                   .old = old_spec},
                  path, out);
  ValidateTokenSources(pod.spec, path.Child("volumes"), out);
  const auto check_images = [&](const std::vector<Container>& containers, const char* field) {
    for (size_t i = 0; i < containers.size(); ++i) {
      ValidateImagePadding(containers[i].image, path.Child(field).Index(i), out);
    }
  };
  check_images(pod.spec.containers, "containers");
  check_images(pod.spec.init_containers, "initContainers");
}

void ValidatePodCreate(const Pod& pod, Violations& out) {
  ValidatePodContent(pod, nullptr, out);
  const FieldPath path("spec");
  if (!pod.spec.ephemeral_containers.empty()) {
    out.Forbidden(path.Child("ephemeralContainers"), "cannot be set on create");
  }
  if (!pod.spec.node_name.empty() && !pod.spec.scheduling_gates.empty()) {
    out.Forbidden(path.Child("nodeName"),
                  "cannot be set until all schedulingGates have been cleared");
  }
  ValidateProfileAnnotations(pod.metadata, pod.spec, path, out);
}

void ValidatePodTemplateSpec(const PodTemplateSpec& pod_template, const PodTemplateSpec* old,
                             const FieldPath& path, Violations& out) {
  const FieldPath spec = path.Child("spec");
  ValidateLabels(pod_template.metadata.labels, path.Child("labels"), out);
  ValidateAnnotations(pod_template.metadata.annotations, path.Child("annotations"), out);
  ValidatePodAnnotations(pod_template.metadata, pod_template.spec, path.Child("annotations"), out);
  ValidatePodSpec({.spec = pod_template.spec,
                   .is_template = true,
                   .old = old == nullptr ? nullptr : &old->spec},
                  spec, out);
  ValidateProfileAnnotations(pod_template.metadata, pod_template.spec, spec, out);
  if (!pod_template.spec.ephemeral_containers.empty()) {
    out.Forbidden(spec.Child("ephemeralContainers"),
                  "ephemeral containers not allowed in pod template");
  }
}

}  // namespace skiff
