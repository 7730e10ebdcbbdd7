#include "kubelet/static_pod.h"

#include <fmt/format.h>

#include <set>

#include "api/codec/decode.h"
#include "api/codec/typed.h"
#include "api/kinds/behaviour.h"
#include "api/pods/mirror_pods.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/rules.h"
#include "api/text/yaml.h"
#include "base/text.h"
#include "client/client.h"

namespace skiff::kubelet {
namespace {

constexpr int32_t kSystemCriticalPriority = 2'000'000'000;

std::string Annotation(const core_v1::Pod& pod, const char* name) {
  const auto found = pod.metadata.annotations.find(name);
  return found == pod.metadata.annotations.end() ? "" : found->second;
}

// FNV-1a of 128 bits, as hex.
std::string Fingerprint(std::string_view text) {
  __extension__ using Wide = unsigned __int128;
  constexpr Wide kPrime = (static_cast<Wide>(1) << 88) + 0x13B;
  Wide hash = (static_cast<Wide>(0x6c62272e07bb0142) << 64) + 0x62b821756295c58d;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  return fmt::format("{:016x}{:016x}", static_cast<uint64_t>(hash >> 64),
                     static_cast<uint64_t>(hash));
}

Result<core_v1::Pod> DecodePod(std::string_view text) {
  const YamlDocument document = TRY(ParseYaml(text));
  const Json& value = document.value;
  if (!value.is_object()) {
    return Fail(Reason::kInvalid, fmt::format("Object 'Kind' is missing in '{}'", value.dump()));
  }
  const auto word = [&](const char* name) {
    const auto found = value.find(name);
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (word("kind").empty()) {
    return Fail(Reason::kInvalid, fmt::format("Object 'Kind' is missing in '{}'", value.dump()));
  }
  if (word("kind") != "Pod" || word("apiVersion") != "v1") {
    return Fail(Reason::kInvalid, NoKindRegistered({word("apiVersion"), word("kind")}, ""));
  }
  const Json normal = TRY(Normalize(core_v1::Pod::Describe(), value));
  return FromJson<core_v1::Pod>(normal);
}

void MakeOfThisNode(core_v1::Pod& pod, const ManifestOrigin& origin) {
  if (pod.metadata.uid.empty()) {
    pod.metadata.uid =
        Fingerprint(ToJson(pod).dump() + "host:" + origin.node_name + "file:" + origin.path);
  }
  pod.metadata.name += "-" + Lower(origin.node_name);
  pod.metadata.resource_version.clear();
  if (pod.metadata.namespace_.empty()) pod.metadata.namespace_ = "default";
  auto& annotations = pod.metadata.annotations;
  annotations[kConfigHash] = pod.metadata.uid;
  annotations[kConfigSource] = "file";
  annotations[kConfigSeen] = Time(origin.seen_at).Rfc3339();
  pod.spec.node_name = origin.node_name;
  auto& toleration = pod.spec.tolerations.emplace_back();
  toleration.operator_ = "Exists";
  toleration.effect = "NoExecute";
  pod.status.phase = "Pending";
}

Result<> Validate(const core_v1::Pod& pod, const Rules& rules) {
  Violations wrong;
  const NameRule name_rule = rules.validate_name ? rules.validate_name : &NameIsDnsSubdomain;
  ValidateObjectMeta(pod.metadata, /*namespaced=*/true, name_rule, FieldPath("metadata"), wrong);
  rules.validate(&pod, wrong);
  if (!wrong.empty()) return Fail(Reason::kInvalid, "invalid pod: " + wrong.Text());
  return {};
}

std::string EnvironmentReference(const core_v1::Container& container) {
  for (const auto& source : container.env_from) {
    if (source.secret_ref) return "secrets";
    if (source.config_map_ref) return "configmaps";
  }
  for (const auto& variable : container.env) {
    if (!variable.value_from) continue;
    if (variable.value_from->secret_key_ref) return "secrets";
    if (variable.value_from->config_map_key_ref) return "configmaps";
  }
  return "";
}

std::string VolumeReference(const core_v1::Volume& volume) {
  if (volume.secret) return "secrets";
  if (volume.config_map) return "configmaps";
  if (volume.persistent_volume_claim || volume.ephemeral) return "persistentvolumeclaims";
  if (volume.csi && volume.csi->node_publish_secret_ref) return "secrets";
  if (!volume.projected) return "";
  for (const auto& source : volume.projected->sources) {
    if (source.secret) return "secrets";
    if (source.config_map) return "configmaps";
    if (source.service_account_token) return "serviceaccounts";
    if (source.cluster_trust_bundle) return "clustertrustbundles";
  }
  return "";
}

}  // namespace

// By the annotation alone whoever makes a pod would make it one that no node refuses or evicts:
// what comes from the API server has a version, whatever it says of itself.
bool IsStaticPod(const core_v1::Pod& pod) {
  const std::string source = Annotation(pod, kConfigSource);
  const bool is_served = !pod.metadata.resource_version.empty();
  return !is_served && !source.empty() && source != "api" && !IsMirrorPod(pod);
}

bool IsMirrorPod(const core_v1::Pod& pod) {
  return pod.metadata.annotations.contains(kMirrorPodAnnotation);
}

bool IsCriticalPod(const core_v1::Pod& pod) {
  return IsStaticPod(pod) || IsMirrorPod(pod) ||
         pod.spec.priority.value_or(0) >= kSystemCriticalPriority;
}

std::string ApiReference(const core_v1::Pod& pod) {
  if (!pod.spec.service_account_name.empty()) return "serviceaccounts";
  if (!pod.spec.image_pull_secrets.empty()) return "secrets";
  for (const auto* containers : {&pod.spec.init_containers, &pod.spec.containers}) {
    for (const auto& container : *containers) {
      const std::string resource = EnvironmentReference(container);
      if (!resource.empty()) return resource;
    }
  }
  if (!pod.spec.resource_claims.empty()) return "resourceclaims";
  for (const auto& volume : pod.spec.volumes) {
    const std::string resource = VolumeReference(volume);
    if (!resource.empty()) return resource;
  }
  return "";
}

Result<core_v1::Pod> DecodeStaticPod(std::string_view text, const ManifestOrigin& origin) {
  auto decoded = DecodePod(text);
  if (!decoded) {
    return Fail(Reason::kInvalid,
                fmt::format("{}: couldn't parse as pod({}), please check config file", origin.path,
                            decoded.error().message));
  }
  core_v1::Pod pod = std::move(*decoded);
  const Rules& rules = *core_v1::Pod::Info().behaviour->rules;
  pod.status = core_v1::PodStatus();
  MakeOfThisNode(pod, origin);
  rules.set_defaults(&pod);
  TRY(Validate(pod, rules));
  if (const std::string resource = ApiReference(pod); !resource.empty()) {
    return Fail(Reason::kInvalid, "static pods may not reference " + resource);
  }
  return pod;
}

std::vector<core_v1::Pod> WithoutDuplicates(std::vector<core_v1::Pod> pods,
                                            std::vector<std::string>& dropped) {
  std::set<std::string> names;
  std::vector<core_v1::Pod> kept;
  for (core_v1::Pod& pod : pods) {
    const std::string name = pod.metadata.name + "_" + pod.metadata.namespace_;
    if (names.insert(name).second) {
      kept.push_back(std::move(pod));
      continue;
    }
    dropped.push_back(
        fmt::format("Error validating pod {}({}) from file due to duplicate pod name \"{}\", "
                    "ignoring",
                    name, pod.metadata.uid, pod.metadata.name));
  }
  return kept;
}

core_v1::Pod MirrorOf(const core_v1::Pod& static_pod, const core_v1::Node& node) {
  core_v1::Pod mirror = static_pod;
  mirror.metadata.uid.clear();
  mirror.metadata.annotations[kMirrorPodAnnotation] = Annotation(static_pod, kConfigHash);
  mirror.metadata.owner_references = {ControllerReference(core_v1::Node::Info(), node.metadata)};
  // The API server lets a node's pod block no deletion of the node.
  mirror.metadata.owner_references.front().block_owner_deletion.reset();
  mirror.status = core_v1::PodStatus();
  return mirror;
}

bool Mirrors(const core_v1::Pod& mirror, const core_v1::Pod& static_pod) {
  return !mirror.metadata.deletion_timestamp &&
         Annotation(mirror, kMirrorPodAnnotation) == Annotation(static_pod, kConfigHash);
}

}  // namespace skiff::kubelet
