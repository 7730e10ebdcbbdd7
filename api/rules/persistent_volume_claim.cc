// What the schema cannot say about a PersistentVolumeClaim.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using core_v1::PersistentVolumeClaim;
using core_v1::PersistentVolumeClaimSpec;

// A volume can be filled from a claim or from a snapshot of one.
bool IsKnownSource(const core_v1::TypedLocalObjectReference& source) {
  const std::string group = source.api_group.value_or("");
  if (source.kind == "PersistentVolumeClaim") return group.empty();
  return source.kind == "VolumeSnapshot" && group == "snapshot.storage.k8s.io";
}

// dataSource and dataSourceRef say the same in an old and a new way.
void AlignDataSources(PersistentVolumeClaimSpec& spec) {
  if (spec.data_source && !spec.data_source_ref) {
    auto& ref = spec.data_source_ref.emplace();
    ref.api_group = spec.data_source->api_group;
    ref.kind = spec.data_source->kind;
    ref.name = spec.data_source->name;
  } else if (spec.data_source_ref && !spec.data_source &&
             spec.data_source_ref->namespace_.value_or("").empty()) {
    auto& source = spec.data_source.emplace();
    source.api_group = spec.data_source_ref->api_group;
    source.kind = spec.data_source_ref->kind;
    source.name = spec.data_source_ref->name;
  }
}

void DropUnusableSources(PersistentVolumeClaimSpec& spec, const PersistentVolumeClaimSpec* old) {
  // Sources in other namespaces are behind a feature gate that is off.
  const bool had_namespace =
      old && old->data_source_ref && old->data_source_ref->namespace_.has_value();
  if (spec.data_source_ref && spec.data_source_ref->namespace_ && !had_namespace) {
    spec.data_source_ref.reset();
  }
  const bool had_source = old && old->data_source;
  if (spec.data_source && !spec.data_source_ref && !had_source &&
      !IsKnownSource(*spec.data_source)) {
    spec.data_source.reset();
  }
}

void Create(PersistentVolumeClaim& object) {
  object.status = {};
  DropUnusableSources(object.spec, nullptr);
  AlignDataSources(object.spec);
  DefaultPersistentVolumeClaim(object);
}

void Update(PersistentVolumeClaim& object, const PersistentVolumeClaim& old) {
  object.status = old.status;
  DropUnusableSources(object.spec, &old.spec);
  AlignDataSources(object.spec);
}

}  // namespace

void DefaultPersistentVolumeClaimSpec(PersistentVolumeClaimSpec& spec) {
  Default(spec.volume_mode, "Filesystem");
  DefaultResourceList(spec.resources.limits);
  DefaultResourceList(spec.resources.requests);
}

void DefaultPersistentVolumeClaim(PersistentVolumeClaim& claim) {
  Default(claim.status.phase, "Pending");
  DefaultPersistentVolumeClaimSpec(claim.spec);
  DefaultResourceList(claim.status.capacity);
  DefaultResourceList(claim.status.allocated_resources);
}

Rules PersistentVolumeClaimRules() {
  return Erase<PersistentVolumeClaim>({
      .set_defaults = DefaultPersistentVolumeClaim,
      .prepare_create = Create,
      .prepare_update = Update,
      .prepare_status_update = KeepSpec<PersistentVolumeClaim>,
  });
}

}  // namespace skiff
