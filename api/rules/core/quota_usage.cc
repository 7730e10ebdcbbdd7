#include "api/rules/core/quota_usage.h"

#include <algorithm>
#include <set>

#include "api/gen/resource_v1.h"
#include "api/pods/pod_phase.h"
#include "api/rules/pods/pod_resources.h"
#include "base/seconds.h"

namespace skiff {
namespace {

const Quantity kOne = Quantity::FromValue(1);
// What "all devices" may come to.
constexpr int64_t kDevicesOfAllocationMax = 32;

std::string CountName(const KindInfo& kind) {
  std::string name = "count/" + std::string(kind.resource);
  if (!kind.group.empty()) name.append(".").append(kind.group);
  return name;
}

bool HasAlias(const KindInfo& kind) {
  static const std::set<std::string_view> kAliases = {"configmaps",
                                                      "secrets",
                                                      "resourcequotas",
                                                      "replicationcontrollers",
                                                      "services",
                                                      "persistentvolumeclaims",
                                                      "pods"};
  return kind.group.empty() && kAliases.contains(kind.resource);
}

// It runs no more, or should not: past its grace it only waits for a node that may be lost.
bool IsOver(const core_v1::Pod& pod, std::optional<TimePoint> now) {
  if (HasEnded(pod.status.phase)) return true;
  const auto& metadata = pod.metadata;
  if (!now || !metadata.deletion_timestamp || !metadata.deletion_grace_period_seconds) return false;
  return *now > metadata.deletion_timestamp->point() +
                    Seconds(*metadata.deletion_grace_period_seconds);
}

ResourceList Total(const core_v1::PodSpec& spec, bool limits) {
  ResourceList total = AggregateContainers(
      spec, [&](const core_v1::ResourceRequirements& resources) -> const ResourceList& {
        return limits ? resources.limits : resources.requests;
      });
  if (spec.resources) {
    for (const auto& [name, amount] : limits ? spec.resources->limits : spec.resources->requests) {
      total[name] = amount;
    }
  }
  for (const auto& [name, amount] : spec.overhead) {
    const auto found = total.find(name);
    if (found != total.end()) {
      found->second = found->second + amount;
    } else if (!limits) {
      total[name] = amount;
    }
  }
  return total;
}

void AddPod(const core_v1::Pod& pod, std::optional<TimePoint> now, QuotaUsage& usage) {
  if (IsOver(pod, now)) {
    usage.erase("pods");
    return;
  }
  const auto as_run = SpecAsRun(pod);
  const core_v1::PodSpec& spec = as_run ? *as_run : pod.spec;
  for (const auto& [name, amount] : Total(spec, false)) {
    const bool native = name == "cpu" || name == "memory" || name == "ephemeral-storage";
    if (native || IsHugePageResource(name)) usage[name] = amount;
    // Of classes of devices as well, which have Kubernetes' own names and yet are not native.
    if (native || IsHugePageResource(name) || !IsNativeResource(name) ||
        name.starts_with("deviceclass.resource.kubernetes.io/")) {
      usage["requests." + name] = amount;
    }
  }
  for (const auto& [name, amount] : Total(spec, true)) {
    if (name == "cpu" || name == "memory" || name == "ephemeral-storage") {
      usage["limits." + name] = amount;
    }
  }
}

void AddService(const core_v1::Service& service, QuotaUsage& usage) {
  const core_v1::ServiceSpec& spec = service.spec;
  int64_t ports = 0;
  if (spec.type == "NodePort") ports = static_cast<int64_t>(spec.ports.size());
  if (spec.type == "LoadBalancer") {
    usage["services.loadbalancers"] = kOne;
    if (spec.allocate_load_balancer_node_ports.value_or(true)) {
      ports = static_cast<int64_t>(spec.ports.size());
    } else {
      ports = std::count_if(spec.ports.begin(), spec.ports.end(),
                            [](const auto& port) { return port.node_port != 0; });
    }
  }
  if (ports > 0) usage["services.nodeports"] = Quantity::FromValue(ports);
}

// Of bytes there are whole ones only.
Quantity WholeBytes(const Quantity& amount) {
  const Quantity whole = Quantity::FromValue(amount.Value());
  return whole > amount ? whole : amount;
}

// What the claim asks for, or more where its expansion has been given more already.
std::optional<Quantity> ClaimedStorage(const core_v1::PersistentVolumeClaim& claim) {
  const auto wanted = claim.spec.resources.requests.find("storage");
  if (wanted == claim.spec.resources.requests.end()) return std::nullopt;
  const Quantity asked = WholeBytes(wanted->second);
  const auto given = claim.status.allocated_resources.find("storage");
  if (given == claim.status.allocated_resources.end() || given->second <= asked) return asked;
  return WholeBytes(given->second);
}

void AddClaim(const core_v1::PersistentVolumeClaim& claim, QuotaUsage& usage) {
  const auto annotated = claim.metadata.annotations.find("volume.beta.kubernetes.io/storage-class");
  const std::string class_name = annotated != claim.metadata.annotations.end()
                                     ? annotated->second
                                     : claim.spec.storage_class_name.value_or("");
  const std::string prefix = class_name + ".storageclass.storage.k8s.io/";
  if (!class_name.empty()) usage[prefix + "persistentvolumeclaims"] = kOne;
  const auto storage = ClaimedStorage(claim);
  if (!storage) return;
  usage["requests.storage"] = *storage;
  if (!class_name.empty()) usage[prefix + "requests.storage"] = *storage;
}

int64_t DevicesOf(const std::string& mode, int64_t count) {
  if (mode == "ExactCount") return count;
  if (mode == "All") return kDevicesOfAllocationMax;
  return 0;  // Nobody knows of it here, so nothing is allocated for it.
}

// Of requests with alternatives, each device class counts as the worst of them.
void AddResourceClaim(const resource_v1::ResourceClaim& claim, QuotaUsage& usage) {
  const auto add = [&](const std::string& device_class, int64_t devices) {
    if (devices == 0) return;
    Quantity& sum = usage[device_class + ".deviceclass.resource.k8s.io/devices"];
    sum = sum + Quantity::FromValue(devices);
  };
  for (const auto& request : claim.spec.devices.requests) {
    if (request.first_available.empty()) {
      if (!request.exactly) continue;
      add(request.exactly->device_class_name,
          DevicesOf(request.exactly->allocation_mode, request.exactly->count));
      continue;
    }
    std::map<std::string, int64_t> worst;
    for (const auto& choice : request.first_available) {
      int64_t& most = worst[choice.device_class_name];
      most = std::max(most, DevicesOf(choice.allocation_mode, choice.count));
    }
    for (const auto& [device_class, devices] : worst) add(device_class, devices);
  }
}

bool HasCrossNamespaceTerms(const core_v1::PodSpec& spec) {
  if (!spec.affinity) return false;
  const auto crosses = [](const auto& term) {
    return !term.namespaces.empty() || term.namespace_selector.has_value();
  };
  const auto any = [&](const auto& affinity) {
    if (!affinity) return false;
    for (const auto& term : affinity->required_during_scheduling_ignored_during_execution) {
      if (crosses(term)) return true;
    }
    for (const auto& weighted : affinity->preferred_during_scheduling_ignored_during_execution) {
      if (crosses(weighted.pod_affinity_term)) return true;
    }
    return false;
  };
  return any(spec.affinity->pod_affinity) || any(spec.affinity->pod_anti_affinity);
}

bool Has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool ScopeMatches(const QuotaScope& scope, const core_v1::PodSpec& spec) {
  if (scope.scope_name == "Terminating") return spec.active_deadline_seconds.has_value();
  if (scope.scope_name == "NotTerminating") return !spec.active_deadline_seconds.has_value();
  if (scope.scope_name == "BestEffort") return ComputeQosClass(spec) == "BestEffort";
  if (scope.scope_name == "NotBestEffort") return ComputeQosClass(spec) != "BestEffort";
  if (scope.scope_name == "CrossNamespacePodAffinity") return HasCrossNamespaceTerms(spec);
  if (scope.scope_name != "PriorityClass") return false;
  const std::string& name = spec.priority_class_name;
  if (scope.operator_ == "Exists") return !name.empty();
  if (scope.operator_ == "DoesNotExist") return name.empty();
  if (scope.operator_ == "In") return Has(scope.values, name);
  return !Has(scope.values, name);
}

bool ClaimScopeMatches(const QuotaScope& scope, const core_v1::PersistentVolumeClaim& claim) {
  if (scope.scope_name != "VolumeAttributesClass") return false;
  const std::set<std::string> names = AttributesClassesOf(claim);
  const auto is_listed = [&](const std::string& name) { return Has(scope.values, name); };
  if (scope.operator_ == "Exists") return !names.empty();
  if (scope.operator_ == "DoesNotExist") return names.empty();
  if (scope.operator_ == "In") return std::any_of(names.begin(), names.end(), is_listed);
  return names.empty() || !std::all_of(names.begin(), names.end(), is_listed);
}

bool Gives(const core_v1::Container& container, const std::string& name) {
  const bool limit = name.starts_with("limits.");
  std::string plain = name;
  if (limit) plain = name.substr(7);
  if (name.starts_with("requests.")) plain = name.substr(9);
  return (limit ? container.resources.limits : container.resources.requests).contains(plain);
}

}  // namespace

std::set<std::string> AttributesClassesOf(const core_v1::PersistentVolumeClaim& claim) {
  std::set<std::string> names = {claim.spec.volume_attributes_class_name.value_or(""),
                                 claim.status.current_volume_attributes_class_name.value_or("")};
  if (claim.status.modify_volume_status) {
    names.insert(claim.status.modify_volume_status->target_volume_attributes_class_name);
  }
  names.erase("");
  return names;
}

QuotaUsage UsageOf(const QuotaObject& object) {
  const KindInfo& kind = object.kind;
  QuotaUsage usage;
  if (!kind.namespaced || kind.kind == "Event") return usage;
  usage[CountName(kind)] = kOne;
  if (HasAlias(kind)) usage[std::string(kind.resource)] = kOne;
  if (object.pod != nullptr) AddPod(*object.pod, object.now, usage);
  if (object.service != nullptr) AddService(*object.service, usage);
  if (object.claim != nullptr) AddClaim(*object.claim, usage);
  if (object.resource_claim != nullptr) AddResourceClaim(*object.resource_claim, usage);
  return usage;
}

bool CountsFor(const KindInfo& kind, const std::string& name) {
  if (name == CountName(kind) || (HasAlias(kind) && name == kind.resource)) return true;
  const std::string_view text = name;
  if (kind.group == "resource.k8s.io" && kind.resource == "resourceclaims") {
    return text.ends_with(".deviceclass.resource.k8s.io/devices");
  }
  if (!kind.group.empty()) return false;
  if (kind.resource == "services") {
    return text == "services.nodeports" || text == "services.loadbalancers";
  }
  if (kind.resource == "persistentvolumeclaims") {
    return text == "requests.storage" ||
           text.ends_with(".storageclass.storage.k8s.io/requests.storage") ||
           text.ends_with(".storageclass.storage.k8s.io/persistentvolumeclaims");
  }
  if (kind.resource != "pods") return false;
  static const std::set<std::string_view> kOfPods = {"cpu",
                                                     "memory",
                                                     "ephemeral-storage",
                                                     "limits.cpu",
                                                     "limits.memory",
                                                     "limits.ephemeral-storage"};
  // "requests.example.com/gpu" is of pods, "requests.storage" of claims.
  return kOfPods.contains(text) || text.starts_with("hugepages-") ||
         (text.starts_with("requests.") && text != "requests.storage");
}

std::vector<QuotaScope> QuotaScopesOf(const core_v1::ResourceQuotaSpec& spec) {
  std::vector<QuotaScope> scopes;
  for (const std::string& name : spec.scopes) {
    auto& scope = scopes.emplace_back();
    scope.scope_name = name;
    scope.operator_ = "Exists";
  }
  if (spec.scope_selector) {
    for (const auto& expression : spec.scope_selector->match_expressions) {
      scopes.push_back(expression);
    }
  }
  return scopes;
}

std::vector<QuotaScope> ScopesWith(const std::vector<QuotaScope>& scopes,
                                   const QuotaObject& object) {
  std::vector<QuotaScope> with;
  for (const QuotaScope& scope : scopes) {
    const bool matches = object.claim != nullptr
                             ? ClaimScopeMatches(scope, *object.claim)
                             : object.pod != nullptr && ScopeMatches(scope, object.pod->spec);
    if (matches) with.push_back(scope);
  }
  return with;
}

bool QuotaMatches(const core_v1::ResourceQuota& quota, const QuotaObject& object) {
  const auto scopes = QuotaScopesOf(quota.spec);
  return scopes.empty() || ScopesWith(scopes, object).size() == scopes.size();
}

std::string MissingAmounts(const core_v1::ResourceQuota& quota, const QuotaObject& object) {
  const core_v1::Pod* pod = object.pod;
  if (pod == nullptr) return "";
  const auto& whole = pod->spec.resources;
  if (whole && !(whole->requests.empty() && whole->limits.empty())) return "";
  std::string missing;
  for (const char* name :
       {"cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"}) {
    if (!quota.status.hard.contains(name)) continue;
    std::set<std::string> containers;
    for (const auto* list : {&pod->spec.containers, &pod->spec.init_containers}) {
      for (const auto& container : *list) {
        if (!Gives(container, name)) containers.insert(container.name);
      }
    }
    if (containers.empty()) continue;
    if (!missing.empty()) missing += "; ";
    missing += std::string(name) + " for: ";
    bool first = true;
    for (const std::string& container : containers) {
      missing += (first ? "" : ",") + container;
      first = false;
    }
  }
  return missing;
}

}  // namespace skiff
