#include "api/rules/pods/pod_references.h"

namespace skiff {
namespace {

template <typename Container>
void AddEnvironment(const Container& container, PodReferences& out) {
  for (const auto& from : container.env_from) {
    if (from.secret_ref) out.secrets.insert(from.secret_ref->name);
    if (from.config_map_ref) out.config_maps.insert(from.config_map_ref->name);
  }
  for (const auto& variable : container.env) {
    if (!variable.value_from) continue;
    if (variable.value_from->secret_key_ref) {
      out.secrets.insert(variable.value_from->secret_key_ref->name);
    }
    if (variable.value_from->config_map_key_ref) {
      out.config_maps.insert(variable.value_from->config_map_key_ref->name);
    }
  }
}

void AddProjected(const core_v1::ProjectedVolumeSource& projected, PodReferences& out) {
  for (const auto& source : projected.sources) {
    if (source.secret) out.secrets.insert(source.secret->name);
    if (source.config_map) out.config_maps.insert(source.config_map->name);
  }
}

void AddVolume(const core_v1::Pod& pod, const core_v1::Volume& volume, PodReferences& out) {
  if (volume.secret) out.secrets.insert(volume.secret->secret_name);
  if (volume.config_map) out.config_maps.insert(volume.config_map->name);
  if (volume.persistent_volume_claim) out.claims.insert(volume.persistent_volume_claim->claim_name);
  if (volume.ephemeral) out.claims.insert(pod.metadata.name + "-" + volume.name);
  if (volume.projected) AddProjected(*volume.projected, out);
  if (volume.csi && volume.csi->node_publish_secret_ref) {
    out.secrets.insert(volume.csi->node_publish_secret_ref->name);
  }
  if (volume.flex_volume && volume.flex_volume->secret_ref) {
    out.secrets.insert(volume.flex_volume->secret_ref->name);
  }
  if (volume.azure_file) out.secrets.insert(volume.azure_file->secret_name);
  if (volume.cephfs && volume.cephfs->secret_ref)
    out.secrets.insert(volume.cephfs->secret_ref->name);
  if (volume.cinder && volume.cinder->secret_ref)
    out.secrets.insert(volume.cinder->secret_ref->name);
  if (volume.iscsi && volume.iscsi->secret_ref) out.secrets.insert(volume.iscsi->secret_ref->name);
  if (volume.rbd && volume.rbd->secret_ref) out.secrets.insert(volume.rbd->secret_ref->name);
  if (volume.scale_io && volume.scale_io->secret_ref) {
    out.secrets.insert(volume.scale_io->secret_ref->name);
  }
  if (volume.storageos && volume.storageos->secret_ref) {
    out.secrets.insert(volume.storageos->secret_ref->name);
  }
}

std::string_view ApiReferenceOf(const core_v1::ProjectedVolumeSource& projected) {
  for (const auto& source : projected.sources) {
    if (source.config_map) return "configmaps (via projected volumes)";
    if (source.secret) return "secrets (via projected volumes)";
    if (source.service_account_token) return "serviceaccounts (via projected volumes)";
    // Their features are off, and what is off is dropped before anybody looks.
    if (!source.downward_api) return "clustertrustbundles or podcertificates";
  }
  return "";
}

std::string_view ApiReferenceOf(const core_v1::Volume& volume) {
  if (volume.config_map) return "configmaps (via configmap volumes)";
  if (volume.secret) return "secrets (via secret volumes)";
  if (volume.csi) return "csidrivers (via CSI volumes)";
  if (volume.glusterfs) return "endpoints (via glusterFS volumes)";
  if (volume.persistent_volume_claim) return "persistentvolumeclaims";
  if (volume.ephemeral) return "persistentvolumeclaims (via ephemeral volumes)";
  if (volume.azure_file) return "secrets (via azureFile volumes)";
  return volume.projected ? ApiReferenceOf(*volume.projected) : "";
}

}  // namespace

std::string_view ApiReferenceOf(const core_v1::Pod& pod) {
  const PodReferences names = ReferencesOf(pod);
  if (!names.service_account.empty()) return "serviceaccounts";
  if (!names.secrets.empty()) return "secrets";
  if (!names.config_maps.empty()) return "configmaps";
  if (!pod.spec.resource_claims.empty()) return "resourceclaims";
  for (const auto& volume : pod.spec.volumes) {
    if (const auto found = ApiReferenceOf(volume); !found.empty()) return found;
  }
  return "";
}

PodReferences ReferencesOf(const core_v1::Pod& pod) {
  PodReferences out;
  out.service_account = pod.spec.service_account_name;
  for (const auto& secret : pod.spec.image_pull_secrets) out.secrets.insert(secret.name);
  for (const auto& container : pod.spec.init_containers) AddEnvironment(container, out);
  for (const auto& container : pod.spec.containers) AddEnvironment(container, out);
  for (const auto& container : pod.spec.ephemeral_containers) AddEnvironment(container, out);
  for (const auto& volume : pod.spec.volumes) AddVolume(pod, volume, out);
  for (const auto& claim : pod.spec.resource_claims) {
    if (claim.resource_claim_name) out.resource_claims.insert(*claim.resource_claim_name);
  }
  for (const auto& status : pod.status.resource_claim_statuses) {
    if (status.resource_claim_name) out.resource_claims.insert(*status.resource_claim_name);
  }
  return out;
}

}  // namespace skiff
