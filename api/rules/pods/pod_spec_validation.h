// Validation of pod specs, wherever they stand: in a pod or in the template of a workload.
//
// Each part of a spec is one file: volumes, containers, environment, mounts, probes, resources,
// security, scheduling. They share this context.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"
#include "api/select/field_path.h"

namespace skiff {

class Violations;

struct PodSpecContext {
  const core_v1::PodSpec& spec;
  // Of the pod; empty in a template, whose pods have no name yet.
  std::string_view pod_name;
  bool is_template = false;
  // A pod of a static manifest, mirrored into the API by its kubelet.
  bool is_mirror = false;
  // The spec before an update, nullptr on create: what was accepted once is not refused for rules
  // that came later.
  const core_v1::PodSpec* old = nullptr;
  // Volumes without errors, by name.
  std::map<std::string_view, const core_v1::Volume*> volumes = {};
  // What each container is compared with, found out once: see NoteResources.
  std::set<std::string> claim_names = {};
  bool had_partial_pages = false;
};

// The whole spec. Pods and templates call this.
void ValidatePodSpec(PodSpecContext context, const FieldPath& path, Violations& out);

// Parts, in the order they run.
void ValidateVolumes(PodSpecContext& context, const FieldPath& path, Violations& out);
// Fills in what the checks of resources look up.
void NoteResources(PodSpecContext& context);
void ValidateResourceClaims(const PodSpecContext& context, const FieldPath& path, Violations& out);
// Containers, init containers and ephemeral ones.
void ValidateContainers(const PodSpecContext& context, const FieldPath& path, Violations& out);
void ValidatePodResources(const PodSpecContext& context, const FieldPath& path, Violations& out);
void ValidatePodSecurityContext(const PodSpecContext& context, const FieldPath& path,
                                Violations& out);
void ValidateAffinity(const PodSpecContext& context, const FieldPath& path, Violations& out);
void ValidateDns(const core_v1::PodSpec& spec, const FieldPath& path, Violations& out);
void ValidateTopologySpread(const PodSpecContext& context, const FieldPath& path, Violations& out);
void ValidateHostProcess(const core_v1::PodSpec& spec, const FieldPath& path, Violations& out);
void ValidateHostUsers(const PodSpecContext& context, const FieldPath& path, Violations& out);
void ValidateOverhead(const core_v1::PodSpec& spec, const FieldPath& path, Violations& out);
void ValidateOperatingSystem(const core_v1::PodSpec& spec, const FieldPath& path, Violations& out);

// Parts of a container that other files hold. `path` is the container's.
template <typename AnyContainer>
void ValidatePortsAndEnvironment(const AnyContainer& container, const FieldPath& path,
                                 Violations& out);
template <typename AnyContainer>
void ValidateMounts(const AnyContainer& container, const PodSpecContext& context,
                    const FieldPath& path, Violations& out);
void ValidateContainerResources(const core_v1::ResourceRequirements& resources,
                                const PodSpecContext& context, const FieldPath& path,
                                Violations& out);
void ValidateSecurityContext(const core_v1::SecurityContext& security,
                             const PodSpecContext& context, const FieldPath& path, Violations& out);
// Lifecycle and the three probes. `grace_period_s` bounds how long a hook may sleep.
void ValidateLifecycleAndProbes(const core_v1::Container& container, int64_t grace_period_s,
                                const FieldPath& path, Violations& out);
// `path` is the container's.
void ValidateImagePadding(const std::string& image, const FieldPath& path, Violations& out);
// What a fieldRef may name: "metadata.name", ...
void ValidateFieldRef(const core_v1::ObjectFieldSelector& selector, bool is_volume,
                      const FieldPath& path, Violations& out);
void ValidateResourceFieldRef(const core_v1::ResourceFieldSelector& selector, bool is_volume,
                              const FieldPath& path, Violations& out);
void ValidateProjectedVolume(const core_v1::ProjectedVolumeSource& projected, const FieldPath& path,
                             Violations& out);
void ValidateDownwardApiFile(const core_v1::DownwardAPIVolumeFile& file, const FieldPath& path,
                             Violations& out);
void ValidateKeyToPath(const core_v1::KeyToPath& item, const FieldPath& path, Violations& out);
void ValidateKeysToPaths(const std::vector<core_v1::KeyToPath>& items, const FieldPath& path,
                         Violations& out);
void ValidateTolerations(const std::vector<core_v1::Toleration>& tolerations, const FieldPath& path,
                         Violations& out);
void ValidateNodeSelector(const core_v1::NodeSelector& selector, bool check_values,
                          const FieldPath& path, Violations& out);
void ValidateAppArmorProfile(const core_v1::AppArmorProfile& profile, const FieldPath& path,
                             Violations& out);
void ValidateWindowsOptions(const core_v1::WindowsSecurityContextOptions& options,
                            const FieldPath& path, Violations& out);
void ValidateSeccompProfile(const core_v1::SeccompProfile& profile, const FieldPath& path,
                            Violations& out);

// Calls visit(container, path) for init, regular and ephemeral containers in this order.
template <typename Visit>
void ForEachContainer(const core_v1::PodSpec& spec, const FieldPath& path, Visit visit) {
  const auto each = [&](const auto& containers, const char* field) {
    for (size_t i = 0; i < containers.size(); ++i) {
      visit(containers[i], path.Child(field).Index(i));
    }
  };
  each(spec.init_containers, "initContainers");
  each(spec.containers, "containers");
  each(spec.ephemeral_containers, "ephemeralContainers");
}

}  // namespace skiff
