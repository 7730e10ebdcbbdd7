// pods/ephemeralcontainers: containers added to a running pod to look into it.
#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "api/rules/rules.h"
#include "apiserver/api_errors.h"
#include "apiserver/crud.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

// Only the ephemeral containers are taken.
void Prepare(Object& object, const Object& old) {
  core_v1::Pod& pod = *object.As<core_v1::Pod>();
  const core_v1::Pod& before = *old.As<core_v1::Pod>();
  auto containers = std::move(pod.spec.ephemeral_containers);
  pod.spec = before.spec;
  pod.spec.ephemeral_containers = std::move(containers);
  pod.status = before.status;
  pod.metadata.labels = before.metadata.labels;
  pod.metadata.annotations = before.metadata.annotations;
  pod.metadata.finalizers = before.metadata.finalizers;
  pod.metadata.owner_references = before.metadata.owner_references;
  pod.metadata.generation = before.metadata.generation + (pod.spec == before.spec ? 0 : 1);
}

void Validate(const Object& object, const Object& old, Violations& out) {
  const core_v1::Pod& pod = *object.As<core_v1::Pod>();
  const core_v1::Pod& before = *old.As<core_v1::Pod>();
  const Rules* rules = FindRules(object.kind());
  if (rules && rules->validate) rules->validate(object.raw(), out);
  if (before.metadata.annotations.contains("kubernetes.io/config.mirror")) {
    out.Forbidden(FieldPath(""), "static pods do not support ephemeral containers");
  }
  const FieldPath path = FieldPath("spec").Child("ephemeralContainers");
  for (const auto& container : before.spec.ephemeral_containers) {
    const core_v1::EphemeralContainer* now = nullptr;
    for (const auto& candidate : pod.spec.ephemeral_containers) {
      if (candidate.name == container.name) now = &candidate;
    }
    if (now == nullptr) {
      out.Forbidden(path, fmt::format("existing ephemeral containers {} may not be removed\n",
                                      Quoted(container.name)));
    } else if (!(*now == container)) {
      out.Forbidden(path, fmt::format("existing ephemeral containers {} may not be changed\n",
                                      Quoted(container.name)));
    }
  }
}

}  // namespace

Result<http::Response> HandleEphemeralContainers(Core& core, ApiRequest& request) {
  UpdateMode mode{.subresource = "ephemeralcontainers"};
  mode.prepare = &Prepare;
  mode.validate = &Validate;
  return HandleWholeObject(core, request, mode);
}

}  // namespace skiff
