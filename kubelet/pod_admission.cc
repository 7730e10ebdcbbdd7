#include "kubelet/pod_admission.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pods/host_ports.h"
#include "api/pods/pod_resources.h"
#include "api/rules/devices/resource_names.h"
#include "api/rules/pods/app_armor.h"
#include "api/select/node_selector.h"
#include "api/select/tolerations.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

constexpr char kOs[] = "linux";
constexpr char kOsLabel[] = "kubernetes.io/os";
constexpr char kNodeAffinity[] = "NodeAffinity";
constexpr char kTaintToleration[] = "TaintToleration";
constexpr char kOutOf[] = "OutOf";

using Refusal = std::optional<PodRefusal>;

PodRefusal Predicate(const char* name, const char* why) {
  return {name, fmt::format("Predicate {} failed: {}", name, why)};
}

int64_t Of(const std::map<std::string, int64_t>& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? 0 : found->second;
}

// A resource of which there is less than the pod asks for.
struct Lack {
  std::string name;
  int64_t requested = 0, used = 0, capacity = 0;
};

std::vector<Lack> LacksOf(const AdmissionInput& input) {
  std::vector<Lack> lacks;
  const auto look_at = [&](const std::string& name, int64_t requested, int64_t used,
                           int64_t capacity) {
    if (requested <= 0 || requested <= capacity - used) return;
    lacks.push_back({name, requested, used, capacity});
  };
  const auto& allocatable = input.node.status.allocatable;
  const auto pods = allocatable.find("pods");
  const auto count = static_cast<int64_t>(input.others.size());
  if (pods != allocatable.end()) look_at("pods", 1, count, pods->second.Value());
  const Resources wanted = PodRequests(input.pod.spec);
  const Resources all = Resources::From(allocatable);
  Resources used;
  for (const auto& other : input.others) used.Add(PodRequests(other->spec));
  look_at("cpu", wanted.milli_cpu, used.milli_cpu, all.milli_cpu);
  look_at("memory", wanted.memory, used.memory, all.memory);
  look_at("ephemeral-storage", wanted.ephemeral_storage, used.ephemeral_storage,
          all.ephemeral_storage);
  for (const auto& [name, amount] : wanted.scalar) {
    // What the node does not know may be given by the cluster as a whole.
    if (IsExtendedResource(name) && !all.scalar.contains(name)) continue;
    look_at(name, amount, Of(used.scalar, name), Of(all.scalar, name));
  }
  return lacks;
}

Refusal RefuseForResources(const AdmissionInput& input) {
  const std::vector<Lack> lacks = LacksOf(input);
  if (lacks.empty()) return std::nullopt;
  const Lack& first = lacks.front();
  return PodRefusal{kOutOf + first.name,
                    fmt::format("Node didn't have enough resource: {}, requested: {}, used: {}, "
                                "capacity: {}",
                                first.name, first.requested, first.used, first.capacity)};
}

Refusal RefuseForPorts(const AdmissionInput& input) {
  const auto wanted = HostPortsOf(input.pod.spec);
  if (wanted.empty()) return std::nullopt;
  for (const auto& other : input.others) {
    for (const PodHostPort& used : HostPortsOf(other->spec)) {
      const bool conflicts =
          std::any_of(wanted.begin(), wanted.end(),
                      [&](const PodHostPort& port) { return Conflict(port, used); });
      if (conflicts) {
        return Predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports");
      }
    }
  }
  return std::nullopt;
}

// Only taints that drive pods away matter to who is there already.
Refusal RefuseForTaints(const AdmissionInput& input) {
  if (IsStaticPod(input.pod)) return std::nullopt;
  for (const auto& taint : input.node.spec.taints) {
    if (taint.effect != "NoExecute" || AnyTolerates(input.pod.spec.tolerations, taint)) continue;
    return Predicate(kTaintToleration, "node(s) had taints that the pod didn't tolerate");
  }
  return std::nullopt;
}

// What no free place on the node would change.
Refusal RefuseForKind(const AdmissionInput& input) {
  const core_v1::Pod& pod = input.pod;
  const auto label = pod.metadata.labels.find(kOsLabel);
  if (label != pod.metadata.labels.end() && label->second != kOs) {
    return PodRefusal{"PodOSSelectorNodeLabelDoesNotMatch",
                      "Failed to admit pod as the `kubernetes.io/os` label doesn't match node "
                      "label"};
  }
  if (pod.spec.os && pod.spec.os->name != kOs) {
    return PodRefusal{"PodOSNotSupported",
                      "Failed to admit pod as the OS field doesn't match node OS"};
  }
  const auto* security = pod.spec.security_context ? &*pod.spec.security_context : nullptr;
  if (security != nullptr && security->supplemental_groups_policy.value_or("") == "Strict" &&
      !input.abilities.supplemental_groups_policy) {
    return PodRefusal{"SupplementalGroupsPolicyNotSupported",
                      "SupplementalGroupsPolicy=Strict is not supported in this node"};
  }
  return std::nullopt;
}

bool WantsAppArmor(const core_v1::Pod& pod) {
  const auto wants = [](const auto& security) {
    return security && security->app_armor_profile &&
           security->app_armor_profile->type != "Unconfined";
  };
  if (wants(pod.spec.security_context)) return true;
  const auto any = [&](const auto& containers) {
    return std::any_of(containers.begin(), containers.end(),
                       [&](const auto& each) { return wants(each.security_context); });
  };
  if (any(pod.spec.init_containers) || any(pod.spec.containers) ||
      any(pod.spec.ephemeral_containers)) {
    return true;
  }
  const auto& annotations = pod.metadata.annotations;
  return std::any_of(annotations.begin(), annotations.end(), [](const auto& entry) {
    return entry.first.starts_with(kAppArmorAnnotationPrefix) && entry.second != "unconfined";
  });
}

}  // namespace

std::optional<PodRefusal> RefusePod(const AdmissionInput& input) {
  const core_v1::Pod& pod = input.pod;
  if (const auto problem = input.abilities.sysctls.Problem(pod.spec)) {
    return PodRefusal{"SysctlForbidden", *problem};
  }
  Refusal refusal = RefuseForKind(input);
  if (!refusal && !IsCriticalPod(pod)) refusal = RefuseForResources(input);
  if (refusal) return refusal;
  if (!MatchesNodeSelection(pod.spec, input.node)) {
    return Predicate(kNodeAffinity, "node(s) didn't match Pod's node affinity/selector");
  }
  if (!pod.spec.node_name.empty() && pod.spec.node_name != input.node.metadata.name) {
    return Predicate("NodeName", "node(s) didn't match the requested node name");
  }
  refusal = RefuseForPorts(input);
  if (!refusal) refusal = RefuseForTaints(input);
  if (refusal) return refusal;
  if (!input.abilities.app_armor && WantsAppArmor(pod)) {
    return PodRefusal{"AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host"};
  }
  return std::nullopt;
}

std::vector<Shortfall> ShortfallsOf(const AdmissionInput& input) {
  std::vector<Shortfall> shortfalls;
  for (const Lack& lack : LacksOf(input)) {
    shortfalls.push_back({lack.name, lack.requested - (lack.capacity - lack.used)});
  }
  return shortfalls;
}

bool DependsOnNode(const PodRefusal& refusal) {
  return refusal.reason == kNodeAffinity || refusal.reason == kTaintToleration ||
         refusal.reason.starts_with(kOutOf);
}

std::optional<core_v1::AppArmorProfile> AppArmorProfileOf(const core_v1::Pod& pod,
                                                          const core_v1::Container& container) {
  if (container.security_context && container.security_context->app_armor_profile) {
    return *container.security_context->app_armor_profile;
  }
  const auto annotation = pod.metadata.annotations.find(AppArmorAnnotation(container.name));
  if (annotation != pod.metadata.annotations.end()) {
    if (auto profile = AppArmorProfileFromAnnotation(annotation->second)) return profile;
  }
  if (pod.spec.security_context && pod.spec.security_context->app_armor_profile) {
    return *pod.spec.security_context->app_armor_profile;
  }
  return std::nullopt;
}

}  // namespace skiff::kubelet
