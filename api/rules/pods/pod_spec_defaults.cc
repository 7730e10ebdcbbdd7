// Defaults of pods and pod templates alike.
#include "api/gen/core_v1.h"
#include "api/rules/core/image_reference.h"
#include "api/rules/defaults.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr int32_t kFileMode = 0644;

void DefaultHttpGet(Box<HTTPGetAction>& action) {
  if (!action) return;
  Default(action->path, "/");
  Default(action->scheme, "HTTP");
}

// Zero counts as unset.
void DefaultProbe(Box<Probe>& probe) {
  if (!probe) return;
  Default(probe->timeout_seconds, 1);
  Default(probe->period_seconds, 10);
  Default(probe->success_threshold, 1);
  Default(probe->failure_threshold, 3);
  DefaultHttpGet(probe->http_get);
  if (probe->grpc) Default(probe->grpc->service, "");
}

void DefaultLifecycle(Box<Lifecycle>& lifecycle) {
  if (!lifecycle) return;
  if (lifecycle->post_start) DefaultHttpGet(lifecycle->post_start->http_get);
  if (lifecycle->pre_stop) DefaultHttpGet(lifecycle->pre_stop->http_get);
}

void DefaultFieldRef(Box<ObjectFieldSelector>& field_ref) {
  if (field_ref) Default(field_ref->api_version, "v1");
}

// Container and EphemeralContainer are one structure to their defaults.
template <typename AnyContainer>
void DefaultContainer(AnyContainer& container) {
  Default(container.image_pull_policy, DefaultPullPolicy(container.image));
  Default(container.termination_message_path, "/dev/termination-log");
  Default(container.termination_message_policy, "File");
  for (auto& port : container.ports) Default(port.protocol, "TCP");
  for (auto& variable : container.env) {
    if (!variable.value_from) continue;
    DefaultFieldRef(variable.value_from->field_ref);
    if (auto& key = variable.value_from->file_key_ref) Default(key->optional, false);
  }
  DefaultResources(container.resources);
  DefaultProbe(container.liveness_probe);
  DefaultProbe(container.readiness_probe);
  DefaultProbe(container.startup_probe);
  DefaultLifecycle(container.lifecycle);
}

bool HasSource(const Volume& volume) {
  Volume unnamed;
  unnamed.name = volume.name;
  return !(volume == unnamed);
}

// Sources that persistent volumes have too.
template <typename Source>
void DefaultSharedSources(Source& source) {
  if (source.host_path) Default(source.host_path->type, "");
  if (source.iscsi) Default(source.iscsi->iscsi_interface, "default");
  if (auto& rbd = source.rbd) {
    Default(rbd->pool, "rbd");
    Default(rbd->user, "admin");
    Default(rbd->keyring, "/etc/ceph/keyring");
  }
  if (auto& disk = source.azure_disk) {
    Default(disk->caching_mode, "ReadWrite");
    Default(disk->fs_type, "ext4");
    Default(disk->read_only, false);
    Default(disk->kind, "Shared");
  }
  if (auto& scale_io = source.scale_io) {
    Default(scale_io->storage_mode, "ThinProvisioned");
    Default(scale_io->fs_type, "xfs");
  }
}

void DefaultProjection(VolumeProjection& projection) {
  if (projection.service_account_token) {
    Default(projection.service_account_token->expiration_seconds, int64_t{3600});
  }
  if (projection.downward_api) {
    for (auto& file : projection.downward_api->items) DefaultFieldRef(file.field_ref);
  }
}

}  // namespace

std::string_view DefaultPullPolicy(std::string_view image) {
  return ImageTag(image) == "latest" ? "Always" : "IfNotPresent";
}

void DefaultResourceList(std::map<std::string, Quantity>& resources) {
  static const Quantity kMilliMax = Quantity::FromMilli(INT64_MAX);
  static const Quantity kMilliMin = -kMilliMax;
  for (auto& [name, amount] : resources) {
    if (amount <= kMilliMax && amount >= kMilliMin) amount = amount.RoundedUpToMilli();
  }
}

void DefaultResources(ResourceRequirements& resources) {
  DefaultResourceList(resources.limits);
  DefaultResourceList(resources.requests);
}

void DefaultVolume(Volume& volume) {
  if (!HasSource(volume)) volume.empty_dir.emplace();
  if (volume.image) Default(volume.image->pull_policy, DefaultPullPolicy(volume.image->reference));
  DefaultSharedSources(volume);
  if (volume.secret) Default(volume.secret->default_mode, kFileMode);
  if (volume.config_map) Default(volume.config_map->default_mode, kFileMode);
  if (volume.downward_api) {
    Default(volume.downward_api->default_mode, kFileMode);
    for (auto& file : volume.downward_api->items) DefaultFieldRef(file.field_ref);
  }
  if (volume.projected) {
    Default(volume.projected->default_mode, kFileMode);
    for (auto& projection : volume.projected->sources) DefaultProjection(projection);
  }
  if (volume.ephemeral && volume.ephemeral->volume_claim_template) {
    DefaultPersistentVolumeClaimSpec(volume.ephemeral->volume_claim_template->spec);
  }
}

void DefaultPersistentVolumeSource(PersistentVolumeSpec& spec) {
  DefaultSharedSources(spec);
}

namespace {

// What v1.35 knows but has switched off unless told otherwise is not kept.
template <typename AnyContainer>
void DropStopSignal(AnyContainer& container) {
  if (!container.lifecycle || !container.lifecycle->stop_signal) return;
  container.lifecycle->stop_signal.reset();
  if (*container.lifecycle == Lifecycle()) container.lifecycle.reset();
}

void DropDisabledFields(PodSpec& spec) {
  spec.workload_ref.reset();
  for (auto& container : spec.init_containers) DropStopSignal(container);
  for (auto& container : spec.containers) DropStopSignal(container);
  for (auto& container : spec.ephemeral_containers) DropStopSignal(container);
  for (auto& volume : spec.volumes) {
    if (!volume.projected) continue;
    for (auto& projection : volume.projected->sources) {
      projection.cluster_trust_bundle.reset();
      projection.pod_certificate.reset();
    }
  }
}

}  // namespace

void DefaultPodSpec(PodSpec& spec) {
  DropDisabledFields(spec);
  Default(spec.dns_policy, "ClusterFirst");
  Default(spec.restart_policy, "Always");
  if (!spec.security_context) spec.security_context.emplace();
  Default(spec.termination_grace_period_seconds, int64_t{30});
  Default(spec.scheduler_name, "default-scheduler");
  // serviceAccount is the old name of serviceAccountName; both are always shown.
  Default(spec.service_account_name, spec.service_account);
  spec.service_account = spec.service_account_name;
  for (auto& volume : spec.volumes) DefaultVolume(volume);
  for (auto& container : spec.init_containers) DefaultContainer(container);
  for (auto& container : spec.containers) DefaultContainer(container);
  for (auto& container : spec.ephemeral_containers) DefaultContainer(container);
  DefaultResourceList(spec.overhead);
  if (spec.resources) DefaultResources(*spec.resources);
}

void DefaultPodTemplate(PodTemplateSpec& pod_template) {
  DropInitContainerAnnotations(pod_template.metadata.annotations);
  DefaultPodSpec(pod_template.spec);
}

void DropInitContainerAnnotations(std::map<std::string, std::string>& annotations) {
  for (const char* key :
       {"pod.alpha.kubernetes.io/init-containers", "pod.beta.kubernetes.io/init-containers",
        "pod.alpha.kubernetes.io/init-container-statuses",
        "pod.beta.kubernetes.io/init-container-statuses"}) {
    annotations.erase(key);
  }
}

}  // namespace skiff
