// What the schema cannot say about a PersistentVolume.
#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/persistent_volume_validation.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::PersistentVolume;

void SetDefaults(PersistentVolume& object) {
  Default(object.status.phase, "Pending");
  Default(object.spec.persistent_volume_reclaim_policy, "Retain");
  Default(object.spec.volume_mode, "Filesystem");
  DefaultResourceList(object.spec.capacity);
  DefaultPersistentVolumeSource(object.spec);
}

void Create(PersistentVolume& object) {
  object.status = {};
  object.status.phase = "Pending";
}

// Remembers when the phase last changed, unless the client says it.
void Stamp(PersistentVolume& object, const PersistentVolume* old, TimePoint now) {
  auto& status = object.status;
  if (old == nullptr) {
    status.last_phase_transition_time = now;
  } else if (status.phase != old->status.phase) {
    const bool told = status.last_phase_transition_time.has_value() &&
                      status.last_phase_transition_time != old->status.last_phase_transition_time;
    if (!told) status.last_phase_transition_time = now;
  } else {
    Default(status.last_phase_transition_time, old->status.last_phase_transition_time);
  }
}

// Volumes that no Kubernetes of today can mount. It says nothing of two of them here.
void WarnOfDeadSources(const core_v1::PersistentVolumeSpec& spec, std::vector<std::string>& out) {
  const auto dead = [&](const auto& source, const char* field, const char* since) {
    if (source) out.push_back(std::string("spec.") + field + ": deprecated in " + since);
  };
  dead(spec.cephfs, "cephfs", "v1.28, non-functional in v1.31+");
  dead(spec.photon_persistent_disk, "photonPersistentDisk", "v1.11, non-functional in v1.16+");
  dead(spec.scale_io, "scaleIO", "v1.16, non-functional in v1.22+");
  dead(spec.storageos, "storageOS", "v1.22, non-functional in v1.25+");
  dead(spec.glusterfs, "glusterfs", "v1.25, non-functional in v1.26+");
  dead(spec.rbd, "rbd", "v1.28, non-functional in v1.31+");
}

void Warn(const PersistentVolume& object, const PersistentVolume*, std::vector<std::string>& out) {
  const auto& annotations = object.metadata.annotations;
  if (annotations.contains("volume.beta.kubernetes.io/storage-class")) {
    out.emplace_back(
        "metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "
        "\"storageClassName\" attribute instead");
  }
  if (annotations.contains("volume.beta.kubernetes.io/mount-options")) {
    out.emplace_back(
        "metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; "
        "use \"mountOptions\" attribute instead");
  }
  if (object.spec.persistent_volume_reclaim_policy == "Recycle") {
    out.emplace_back(
        "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, "
        "the recommended approach is to use dynamic provisioning.");
  }
  if (object.spec.node_affinity && object.spec.node_affinity->required) {
    const auto& terms = object.spec.node_affinity->required->node_selector_terms;
    const FieldPath path = FieldPath("spec").Child("nodeAffinity").Child("required");
    for (size_t i = 0; i < terms.size(); ++i) {
      WarnOfNodeSelectorTerm(terms[i], false, path.Child("nodeSelectorTerms").Index(i), out);
    }
  }
  WarnOfDeadSources(object.spec, out);
}

}  // namespace

constexpr RulesOf<PersistentVolume> kTypedPersistentVolumeRules = {
    .set_defaults = SetDefaults,
    .prepare_create = Create,
    .prepare_update = KeepStatus<PersistentVolume>,
    .prepare_status_update = KeepSpec<PersistentVolume>,
    .stamp = Stamp,
    .validate = ValidatePersistentVolume,
    .validate_update = ValidatePersistentVolumeUpdate,
    .warnings = Warn,
};
constinit const Rules kPersistentVolumeRules = Erase<kTypedPersistentVolumeRules>();

}  // namespace skiff
