#include "kubelet/pod_references.h"

namespace skiff::kubelet {
namespace {

void AddVolume(const core_v1::Pod& pod, const core_v1::Volume& volume, PodReferences& out) {
  if (volume.config_map) out.config_maps.insert(volume.config_map->name);
  if (volume.secret) out.secrets.insert(volume.secret->secret_name);
  if (volume.persistent_volume_claim) out.claims.insert(volume.persistent_volume_claim->claim_name);
  if (volume.ephemeral) out.claims.insert(pod.metadata.name + "-" + volume.name);
  if (!volume.projected) return;
  for (const auto& source : volume.projected->sources) {
    if (source.config_map) out.config_maps.insert(source.config_map->name);
    if (source.secret) out.secrets.insert(source.secret->name);
  }
}

template <typename AnyContainer>
void AddEnvironment(const std::vector<AnyContainer>& containers, PodReferences& out) {
  for (const auto& container : containers) {
    for (const auto& from : container.env_from) {
      if (from.config_map_ref) out.config_maps.insert(from.config_map_ref->name);
      if (from.secret_ref) out.secrets.insert(from.secret_ref->name);
    }
    for (const auto& variable : container.env) {
      if (!variable.value_from) continue;
      const auto& from = *variable.value_from;
      if (from.config_map_key_ref) out.config_maps.insert(from.config_map_key_ref->name);
      if (from.secret_key_ref) out.secrets.insert(from.secret_key_ref->name);
    }
  }
}

}  // namespace

PodReferences ReferencesOf(const core_v1::Pod& pod) {
  PodReferences out;
  for (const auto& volume : pod.spec.volumes) AddVolume(pod, volume, out);
  for (const auto& secret : pod.spec.image_pull_secrets) out.secrets.insert(secret.name);
  AddEnvironment(pod.spec.containers, out);
  AddEnvironment(pod.spec.init_containers, out);
  AddEnvironment(pod.spec.ephemeral_containers, out);
  return out;
}

}  // namespace skiff::kubelet
