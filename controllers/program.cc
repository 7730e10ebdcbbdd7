#include "controllers/program.h"

#include <algorithm>
#include <functional>

namespace skiff {
namespace {

struct Entry {
  std::string_view name;  // As in --controllers.
  void (*add)(Manager& manager, const ControllerOptions& options);
};

// The garbage collector last: it watches metadata of the kinds that nobody watches whole.
const Entry kControllers[] = {
    {"replicaset-controller", [](Manager& m, const auto&) { AddReplicaSetController(m); }},
    {"replicationcontroller-controller",
     [](Manager& m, const auto&) { AddReplicationControllerController(m); }},
    {"deployment-controller", [](Manager& m, const auto&) { AddDeploymentController(m); }},
    {"daemonset-controller", [](Manager& m, const auto&) { AddDaemonSetController(m); }},
    {"job-controller", [](Manager& m, const auto&) { AddJobController(m); }},
    {"ttl-after-finished-controller",
     [](Manager& m, const auto&) { AddTtlAfterFinishedController(m); }},
    {"disruption-controller", [](Manager& m, const auto&) { AddDisruptionController(m); }},
    {"endpoints-controller", [](Manager& m, const auto&) { AddEndpointsController(m); }},
    {"endpointslice-controller",
     [](Manager& m, const auto& o) { AddEndpointSliceController(m, o.max_endpoints_per_slice); }},
    {"service-lb-controller",
     [](Manager& m, const auto& o) {
       if (o.service_load_balancer) AddServiceLoadBalancer(m, *o.service_load_balancer);
     }},
    {"namespace-controller", [](Manager& m, const auto&) { AddNamespaceController(m); }},
    {"node-lifecycle-controller",
     [](Manager& m, const auto& o) { AddNodeLifecycleController(m, o); }},
    {"taint-eviction-controller", [](Manager& m, const auto&) { AddTaintEvictionController(m); }},
    {"node-ipam-controller",
     [](Manager& m, const auto& o) {
       if (o.allocate_node_cidrs && !o.cluster_cidrs.empty()) AddNodeIpamController(m, o);
     }},
    {"serviceaccount-controller", [](Manager& m, const auto&) { AddServiceAccountController(m); }},
    {"root-ca-certificate-publisher-controller",
     [](Manager& m, const auto& o) {
       if (!o.root_ca.empty()) AddRootCaPublisher(m, o.root_ca);
     }},
    {"persistentvolume-binder-controller",
     [](Manager& m, const auto& o) { AddVolumeBinder(m, o); }},
    {"persistentvolume-protection-controller",
     [](Manager& m, const auto&) { AddVolumeProtectionControllers(m); }},
    {"pod-garbage-collector-controller",
     [](Manager& m, const auto& o) { AddPodGarbageCollector(m, o.terminated_pod_gc_threshold); }},
    {"garbage-collector-controller", [](Manager& m, const auto&) { AddGarbageCollector(m); }},
};

bool IsEnabled(std::string_view name, const std::vector<std::string>& wanted) {
  // The first that names it decides; "*" stands for all.
  const std::string off = "-" + std::string(name);
  if (std::find(wanted.begin(), wanted.end(), name) != wanted.end()) return true;
  if (std::find(wanted.begin(), wanted.end(), off) != wanted.end()) return false;
  return std::find(wanted.begin(), wanted.end(), "*") != wanted.end();
}

}  // namespace

void AddControllers(Manager& manager, const ControllerOptions& options) {
  for (const Entry& entry : kControllers) {
    if (IsEnabled(entry.name, options.controllers)) entry.add(manager, options);
  }
}

std::vector<std::string> ControllerNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kControllers) names.emplace_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace skiff
