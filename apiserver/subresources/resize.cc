// pods/resize: CPU and memory of a running pod.
#include "api/gen/core_v1.h"
#include "api/rules/pod_resources.h"
#include "api/rules/rules.h"
#include "apiserver/crud.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

using Containers = std::vector<core_v1::Container>;

// Takes over resources and resize policies where the containers are the same.
void TakeResources(Containers& into, const Containers& from) {
  if (into.size() != from.size()) return;
  for (size_t i = 0; i < into.size(); ++i) {
    into[i].resources = from[i].resources;
    into[i].resize_policy = from[i].resize_policy;
  }
}

void Prepare(Object& object, const Object& old) {
  core_v1::Pod& pod = *object.As<core_v1::Pod>();
  const core_v1::Pod& before = *old.As<core_v1::Pod>();
  core_v1::PodSpec spec = before.spec;
  TakeResources(spec.containers, pod.spec.containers);
  TakeResources(spec.init_containers, pod.spec.init_containers);
  pod.spec = std::move(spec);
  pod.status = before.status;
  pod.metadata.labels = before.metadata.labels;
  pod.metadata.annotations = before.metadata.annotations;
  pod.metadata.finalizers = before.metadata.finalizers;
  pod.metadata.owner_references = before.metadata.owner_references;
  pod.metadata.generation = before.metadata.generation + (pod.spec == before.spec ? 0 : 1);
}

bool IsResizable(std::string_view resource) {
  return resource == "cpu" || resource == "memory";
}

using Amounts = std::map<std::string, Quantity>;

bool SameButResizable(Amounts now, Amounts before) {
  std::erase_if(now, [](const auto& pair) { return IsResizable(pair.first); });
  std::erase_if(before, [](const auto& pair) { return IsResizable(pair.first); });
  return now == before;
}

bool Removes(const Amounts& now, const Amounts& before) {
  for (const auto& [name, amount] : before) {
    if (IsResizable(name) && !now.contains(name)) return true;
  }
  return false;
}

void CheckContainers(const Containers& now, const Containers& before, const FieldPath& path,
                     bool init, Violations& out) {
  for (size_t i = 0; i < now.size() && i < before.size(); ++i) {
    const auto& a = now[i].resources;
    const auto& b = before[i].resources;
    if (a == b) continue;
    const FieldPath resources = path.Index(i).Child("resources");
    if (init && !IsRestartableInitContainer(before[i])) {
      out.Forbidden(FieldPath("spec"), "resources for non-sidecar init containers are immutable");
      continue;
    }
    if (!SameButResizable(a.requests, b.requests) || !SameButResizable(a.limits, b.limits)) {
      out.Forbidden(FieldPath("spec"),
                    init ? "only cpu and memory resources for sidecar containers are mutable"
                         : "only cpu and memory resources are mutable");
    }
    if (Removes(a.requests, b.requests)) {
      out.Forbidden(resources.Child("requests"), "resource requests cannot be removed");
    }
    if (Removes(a.limits, b.limits)) {
      out.Forbidden(resources.Child("limits"), "resource limits cannot be removed");
    }
  }
}

void Validate(const Object& object, const Object& old, Violations& out) {
  const core_v1::Pod& pod = *object.As<core_v1::Pod>();
  const core_v1::Pod& before = *old.As<core_v1::Pod>();
  const FieldPath spec("spec");
  const Rules* rules = FindRules(object.kind());
  if (rules && rules->validate) rules->validate(object.raw(), out);
  if (before.metadata.annotations.contains("kubernetes.io/config.mirror")) {
    out.Forbidden(FieldPath(""), "static pods cannot be resized");
  }
  if (before.spec.os && before.spec.os->name == "windows") {
    out.Forbidden(FieldPath(""), "windows pods cannot be resized");
  }
  if (ComputeQosClass(pod.spec) != before.status.qos_class && !before.status.qos_class.empty()) {
    out.Invalid(spec, ComputeQosClass(pod.spec),
                "Pod QOS Class may not change as a result of resizing");
  }
  CheckContainers(pod.spec.containers, before.spec.containers, spec.Child("containers"), false,
                  out);
  CheckContainers(pod.spec.init_containers, before.spec.init_containers,
                  spec.Child("initContainers"), true, out);
}

}  // namespace

Result<http::Response> HandleResize(Core& core, ApiRequest& request) {
  UpdateMode mode{.subresource = "resize"};
  mode.prepare = &Prepare;
  mode.validate = &Validate;
  return HandleWholeObject(core, request, mode);
}

}  // namespace skiff
