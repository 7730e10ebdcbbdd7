// Ports of a machine that a Service has taken from a program: the rules of the service proxy come
// before who listens. The server's machine is looked at before a Service gets a port
// (controllers/network/service_load_balancer_plan.h); of other machines only they themselves know.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "client/informer.h"
#include "client/recorder.h"
#include "controllers/network/service_load_balancer_plan.h"

namespace skiff {

// The ports at one of the machine's `addresses` that a load balancer of the Service has and had not
// in the version before, which is null where there is none.
std::set<NodePort> PortsGiven(const core_v1::Service* before, const core_v1::Service& now,
                              const std::vector<std::string>& addresses);

// Tells of each such port that a program of this machine listens at, by an Event of the Service.
class ShadowedPorts {
 public:
  struct Dependencies {
    Informer<core_v1::Service> services;  // Not started yet; this outlives it.
    EventRecorder& events;
    std::function<std::set<NodePort>()> listened;  // Called on the informer's thread.
  };
  ShadowedPorts(std::string node_name, std::vector<std::string> addresses,
                Dependencies dependencies);

 private:
  void Look(const core_v1::Service* before, const core_v1::Service& now);

  const std::string node_name_;
  const std::vector<std::string> addresses_;
  const Dependencies dependencies_;
};

}  // namespace skiff
