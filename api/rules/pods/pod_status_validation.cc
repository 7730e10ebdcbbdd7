// What an update of a pod's status must fulfil.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "api/rules/checks.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/go_struct.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/rules/pods/pod_validation.h"
#include "api/select/by_name.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr const char* kNotNegative = "must be a non-negative integer";
// Lists that repeat one name have as many errors as pairs. An answer holds no more than this.
constexpr size_t kTransitionsToldMax = 2000;

void ValidateConditions(const std::vector<PodCondition>& conditions, const FieldPath& path,
                        Violations& out) {
  for (size_t i = 0; i < conditions.size(); ++i) {
    const PodCondition& condition = conditions[i];
    if (condition.observed_generation < 0) {
      out.Invalid(path.Index(i).Child("observedGeneration"), condition.observed_generation,
                  kNotNegative);
    }
    if (IsOneOf(condition.type, {"PodScheduled", "Ready", "Initialized"})) continue;
    CheckFormat(LabelKeyErrors, condition.type, path.Index(i).Child("Type"), out);
  }
}

void ValidateNomination(const Pod& pod, const Pod& old, const FieldPath& path, Violations& out) {
  const std::string& node = pod.status.nominated_node_name;
  if (node.empty() || node == old.status.nominated_node_name) return;
  CheckFormat(Dns1123SubdomainErrors, node, path, out);
  if (!old.spec.node_name.empty()) {
    out.Forbidden(path, "may not be set on pods that are already bound to a node");
  }
}

bool RuleMatches(const ContainerRestartRule& rule, int32_t exit_code) {
  if (!rule.exit_codes) return false;
  const auto& values = rule.exit_codes->values;
  const bool listed = std::ranges::find(values, exit_code) != values.end();
  return rule.exit_codes->operator_ == "In" ? listed : !listed;
}

// Whether the kubelet starts a container again that ended so.
bool Restarts(const Container* container, const PodSpec& spec, int32_t exit_code) {
  if (container == nullptr) return false;
  std::string policy = spec.restart_policy;
  if (container->restart_policy) {
    for (const auto& rule : container->restart_policy_rules) {
      if (rule.action == "Restart" && RuleMatches(rule, exit_code)) return true;
    }
    policy = *container->restart_policy;
  }
  return policy == "Always" || (policy == "OnFailure" && exit_code != 0);
}

// What has ended for good does not run again. Paths have the index in the old list.
template <typename MayRestart>
void ValidateTransitions(const std::vector<ContainerStatus>& statuses,
                         const std::vector<ContainerStatus>& old, MayRestart may_restart,
                         const FieldPath& path, Violations& out) {
  std::unordered_map<std::string_view, size_t> alive;  // How many statuses of a name are.
  for (const ContainerStatus& status : statuses) {
    if (!status.state.terminated) ++alive[status.name];
  }
  size_t told = 0;
  for (size_t i = 0; i < old.size(); ++i) {
    const auto& terminated = old[i].state.terminated;
    const auto found = alive.find(old[i].name);
    if (!terminated || found == alive.end()) continue;
    if (may_restart(old[i].name, terminated->exit_code)) continue;
    for (size_t k = 0; k < found->second; ++k) {
      if (told++ == kTransitionsToldMax) return;
      out.Forbidden(path.Index(i).Child("state"),
                    "may not be transitioned to non-terminated state");
    }
  }
}

void ValidateAllTransitions(const Pod& pod, const Pod& old, const FieldPath& path,
                            Violations& out) {
  const PodSpec& spec = pod.spec;
  const auto restarts_among = [&](const std::vector<Container>& containers) {
    return [&spec, by_name = ByName(containers, &Container::name)](const std::string& name,
                                                                   int32_t exit_code) {
      return Restarts(by_name.Find(name), spec, exit_code);
    };
  };
  ValidateTransitions(pod.status.container_statuses, old.status.container_statuses,
                      restarts_among(spec.containers), path.Child("containerStatuses"), out);
  ValidateTransitions(pod.status.init_container_statuses, old.status.init_container_statuses,
                      restarts_among(spec.init_containers), path.Child("initContainerStatuses"),
                      out);
  ValidateTransitions(
      pod.status.ephemeral_container_statuses, old.status.ephemeral_container_statuses,
      [](const std::string&, int32_t) { return false; }, path.Child("ephemeralContainerStatuses"),
      out);
}

void ValidateClaimStatuses(const Pod& pod, const FieldPath& path, Violations& out) {
  std::set<std::string_view> seen;
  const ByName claims(pod.spec.resource_claims, &PodResourceClaim::name);
  const auto& statuses = pod.status.resource_claim_statuses;
  for (size_t i = 0; i < statuses.size(); ++i) {
    const FieldPath at = path.Index(i).Child("name");
    const std::string& name = statuses[i].name;
    if (!claims.Has(name)) {
      out.Invalid(at, name, "must match the name of an entry in `spec.resourceClaims`");
    }
    if (!seen.insert(name).second) out.Duplicate(at, name);
    if (statuses[i].resource_claim_name) {
      CheckFormat(Dns1123SubdomainErrors, *statuses[i].resource_claim_name, at, out);
    }
  }
}

// A pod has at most one address of each family.
template <typename Address>
void ValidateAddresses(const std::vector<Address>& addresses, const FieldPath& path,
                       Violations& out) {
  for (size_t i = 0; i < addresses.size(); ++i) CheckIp(addresses[i].ip, path.Index(i), out);
  if (addresses.size() <= 1) return;
  std::set<bool> families;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const auto address = ParseIp(addresses[i].ip);
    if (!address) {
      out.Internal(path, "failed to check for dual stack with error:invalid IP[" +
                             std::to_string(i) + "]: " + addresses[i].ip);
      families.clear();
      break;
    }
    families.insert(address->v6);
  }
  if (families.size() == 2 && addresses.size() == 2) return;
  out.Invalid(path, GoStruct(addresses), "may specify no more than one IP for each IP family");
}

void ValidateUser(const ContainerStatus& status, bool windows, const FieldPath& path,
                  Violations& out) {
  if (!status.user || !status.user->linux_) return;
  const FieldPath at = path.Child("user").Child("linux");
  const LinuxContainerUser& user = *status.user->linux_;
  if (windows) out.Forbidden(at, "cannot be set for a windows pod");
  CheckUserId(user.uid, at.Child("uid"), out);
  CheckUserId(user.gid, at.Child("gid"), out);
  for (size_t i = 0; i < user.supplemental_groups.size(); ++i) {
    CheckUserId(user.supplemental_groups[i], at.Child("supplementalGroups").Index(i), out);
  }
}

void ValidateUsers(const Pod& pod, const FieldPath& path, Violations& out) {
  const bool windows = pod.spec.os && pod.spec.os->name == "windows";
  const auto each = [&](const std::vector<ContainerStatus>& statuses, const char* field) {
    for (size_t i = 0; i < statuses.size(); ++i) {
      ValidateUser(statuses[i], windows, path.Child(field).Index(i), out);
    }
  };
  each(pod.status.container_statuses, "containerStatuses");
  each(pod.status.init_container_statuses, "initContainerStatuses");
  each(pod.status.ephemeral_container_statuses, "ephemeralContainerStatuses");
}

}  // namespace

void ValidatePodStatusUpdate(const Pod& pod, const Pod& old, Violations& out) {
  const FieldPath path("status");
  const PodStatus& status = pod.status;
  ValidatePodAnnotationUpdates(pod, old, out);
  ValidateConditions(status.conditions, path.Child("conditions"), out);
  ValidateNomination(pod, old, path.Child("nominatedNodeName"), out);
  if (status.observed_generation < 0) {
    out.Invalid(path.Child("observedGeneration"), status.observed_generation, kNotNegative);
  }
  ValidateImmutable(status.qos_class, old.status.qos_class, path.Child("qosClass"), out);
  ValidateAllTransitions(pod, old, path, out);
  ValidateClaimStatuses(pod, path.Child("resourceClaimStatuses"), out);
  ValidateAddresses(status.pod_ips, path.Child("podIPs"), out);
  if (!status.host_ips.empty() && status.host_ips.front().ip != status.host_ip) {
    out.Invalid(path.Child("hostIPs").Index(0).Child("ip"), status.host_ips.front().ip,
                "must be equal to `hostIP`");
  }
  ValidateAddresses(status.host_ips, path.Child("hostIPs"), out);
  ValidateUsers(pod, path, out);
}

}  // namespace skiff
