#include "api/rules/pods/pod_subresources.h"

#include <algorithm>

#include "api/pods/mirror_pods.h"
#include "api/rules/checks.h"
#include "api/rules/go_struct.h"
#include "api/rules/pods/pod_resources.h"
#include "api/rules/pods/pod_validation.h"
#include "api/rules/prepare.h"
#include "api/select/by_name.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

using namespace core_v1;

bool IsMirror(const Pod& pod) {
  return pod.metadata.annotations.contains(kMirrorPodAnnotation);
}

void KeepAllButSpec(Pod& pod, const Pod& old) {
  KeepMetadata(pod, old);
  pod.status = old.status;
}

bool SameNames(const std::vector<Container>& a, const std::vector<Container>& b) {
  return std::ranges::equal(a, b, {}, &Container::name, &Container::name);
}

// The old containers with the new amounts.
std::vector<Container> Resized(const std::vector<Container>& old,
                               const std::vector<Container>& now) {
  std::vector<Container> resized = old;
  for (size_t i = 0; i < resized.size(); ++i) {
    resized[i].resources = now[i].resources;
    resized[i].resize_policy = now[i].resize_policy;
  }
  return resized;
}

// False: the containers are not the same ones.
bool ValidateSameContainers(const std::vector<Container>& now, const std::vector<Container>& old,
                            const std::string& field, Violations& out) {
  const FieldPath path = FieldPath("spec").Child(field);
  if (now.size() != old.size()) {
    out.Forbidden(path, field + " may not be added or removed on resize");
    return false;
  }
  bool same = true;
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i].name == old[i].name) continue;
    out.Forbidden(path.Index(i).Child("name"),
                  field + " may not be renamed or reordered on resize");
    same = false;
  }
  return same;
}

void ValidateNothingRemoved(const Container& now, const Container& old, const FieldPath& path,
                            Violations& out) {
  const auto removed = [](const ResourceList& before, const ResourceList& after) {
    return std::ranges::any_of(before,
                               [&](const auto& entry) { return !after.contains(entry.first); });
  };
  const FieldPath at = path.Child("resources");
  if (removed(old.resources.requests, now.resources.requests)) {
    out.Forbidden(at.Child("requests"), "resource requests cannot be removed");
  }
  if (removed(old.resources.limits, now.resources.limits)) {
    out.Forbidden(at.Child("limits"), "resource limits cannot be removed");
  }
}

// The container with what may be resized taken from `old`. Kubernetes forgets claims of devices as
// it does this, so that a container that has some differs.
Container WithoutAllowedChanges(const Container& now, const Container& old) {
  Container undone = now;
  undone.resources.claims.clear();
  for (const char* name : {"cpu", "memory"}) {
    const auto restore = [&](ResourceList& list, const ResourceList& before) {
      list.erase(name);
      if (const auto found = before.find(name); found != before.end()) list.insert(*found);
    };
    restore(undone.resources.limits, old.resources.limits);
    restore(undone.resources.requests, old.resources.requests);
  }
  return undone;
}

void ValidateChanges(const PodSpec& spec, const PodSpec& old, Violations& out) {
  const FieldPath path("spec");
  for (size_t i = 0; i < spec.init_containers.size(); ++i) {
    if (!IsRestartableInitContainer(spec.init_containers[i])) continue;
    ValidateNothingRemoved(spec.init_containers[i], old.init_containers[i],
                           path.Child("initContainers").Index(i), out);
  }
  for (size_t i = 0; i < spec.containers.size(); ++i) {
    ValidateNothingRemoved(spec.containers[i], old.containers[i], path.Child("containers").Index(i),
                           out);
  }
  PodSpec undone = spec;
  for (size_t i = 0; i < spec.containers.size(); ++i) {
    undone.containers[i] = WithoutAllowedChanges(spec.containers[i], old.containers[i]);
    if (!(undone.containers[i] == old.containers[i])) {
      out.Forbidden(path, "only cpu and memory resources are mutable");
      undone.containers[i] = old.containers[i];
    }
  }
  for (size_t i = 0; i < spec.init_containers.size(); ++i) {
    const Container& before = old.init_containers[i];
    Container now = spec.init_containers[i];
    if (IsRestartableInitContainer(before)) {
      now = WithoutAllowedChanges(now, before);
      if (!(now == before)) {
        out.Forbidden(path, "only cpu and memory resources for sidecar containers are mutable");
      }
    } else if (!(now == before)) {
      out.Forbidden(path, "resources for non-sidecar init containers are immutable");
    }
    undone.init_containers[i] = before;
  }
  if (!(undone == old)) out.Forbidden(path, "only cpu and memory resources are mutable");
}

bool HasPodLevelResources(const PodSpec& spec) {
  return spec.resources && (!spec.resources->requests.empty() || !spec.resources->limits.empty());
}

// A kubelet that can resize reports the amounts of running containers.
bool NodeCanResize(const Pod& pod) {
  for (const ContainerStatus& status : pod.status.container_statuses) {
    if (status.state.running) return status.resources.has_value();
  }
  return true;
}

}  // namespace

void PreparePodEphemeralContainers(Pod& pod, const Pod& old) {
  auto requested = std::move(pod.spec.ephemeral_containers);
  pod.spec = old.spec;
  pod.spec.ephemeral_containers = std::move(requested);
  KeepAllButSpec(pod, old);
  MoveGeneration(pod, old, !(pod.spec == old.spec));
}

void ValidatePodEphemeralContainers(const Pod& pod, const Pod& old, Violations& out) {
  if (IsMirror(pod)) {
    return out.Forbidden(FieldPath("[]"), "static pods do not support ephemeral containers");
  }
  ValidatePodContent(pod, &old.spec, out);
  ValidatePodAnnotationUpdates(pod, old, out);
  const FieldPath path = FieldPath("spec").Child("ephemeralContainers");
  std::vector<EphemeralContainer> before = old.spec.ephemeral_containers;
  std::ranges::sort(before, {}, &EphemeralContainer::name);
  const ByName now(pod.spec.ephemeral_containers, &EphemeralContainer::name);
  for (const EphemeralContainer& container : before) {
    if (out.full()) return;  // What differs takes long to say.
    const EphemeralContainer* same = now.Find(container.name);
    const std::string named = "existing ephemeral containers " + GoQuote(container.name);
    if (same == nullptr) {
      out.Forbidden(path, named + " may not be removed\n");
    } else if (!(*same == container)) {
      out.Forbidden(path, named + " may not be changed\n" + GoStructDiff(container, *same));
    }
  }
}

void PreparePodResize(Pod& pod, const Pod& old) {
  // Other containers than before are left for validation to refuse.
  if (SameNames(pod.spec.containers, old.spec.containers) &&
      SameNames(pod.spec.init_containers, old.spec.init_containers)) {
    PodSpec resized = old.spec;
    resized.containers = Resized(old.spec.containers, pod.spec.containers);
    resized.init_containers = Resized(old.spec.init_containers, pod.spec.init_containers);
    pod.spec = std::move(resized);
  }
  KeepAllButSpec(pod, old);
  MoveGeneration(pod, old, !(pod.spec == old.spec));
}

void ValidatePodResize(const Pod& pod, const Pod& old, Violations& out) {
  const FieldPath root("[]");
  const FieldPath path("spec");
  if (IsMirror(old)) return out.Forbidden(root, "static pods cannot be resized");
  if (pod.spec.os && pod.spec.os->name == "windows") {
    return out.Forbidden(root, "windows pods cannot be resized");
  }
  ValidatePodContent(pod, &old.spec, out);
  if (ComputeQosClass(pod.spec) != old.status.qos_class) {
    out.Invalid(path, old.status.qos_class, "Pod QOS Class may not change as a result of resizing");
  }
  if (!NodeCanResize(old)) {
    out.Forbidden(path, "Pod running on node without support for resize");
  }
  if (HasPodLevelResources(pod.spec) || HasPodLevelResources(old.spec)) {
    return out.Forbidden(root,
                         "resize of pods with pod-level resources is forbidden when "
                         "InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled");
  }
  const bool same_containers =
      ValidateSameContainers(pod.spec.containers, old.spec.containers, "containers", out);
  const bool same_init = ValidateSameContainers(pod.spec.init_containers, old.spec.init_containers,
                                                "initContainers", out);
  if (same_containers && same_init) ValidateChanges(pod.spec, old.spec, out);
}

}  // namespace skiff
