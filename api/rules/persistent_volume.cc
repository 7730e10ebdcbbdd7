// What the schema cannot say about a PersistentVolume.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

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

}  // namespace

Rules PersistentVolumeRules() {
  return Erase<PersistentVolume>({
      .set_defaults = SetDefaults,
      .prepare_create = Create,
      .prepare_update = KeepStatus<PersistentVolume>,
      .prepare_status_update = KeepSpec<PersistentVolume>,
      .stamp = Stamp,
  });
}

}  // namespace skiff
