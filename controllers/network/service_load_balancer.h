// Gives Services of type LoadBalancer addresses where there is no cloud to do it: the nodes' own.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "client/manager.h"
#include "controllers/network/service_load_balancer_plan.h"

namespace skiff {

struct ServiceLoadBalancerOptions {
  // Ports of the nodes that no Service may have, and what they are for. A packet for one of them
  // would no longer reach what listens there.
  std::map<NodePort, std::string> reserved = ReservedNodePorts(6443, 10250);
  // The ports of this machine that something listens at: they are given to no Service that has no
  // address yet. Empty where this machine is none of the nodes.
  std::function<std::set<NodePort>()> listened;
  // Who serves Ingresses on a node, as IngressClasses name it: the ports that their status tells
  // are taken as well. "": nobody.
  std::string ingress_controller;
};

// Events: EnsuredLoadBalancer, UpdatedLoadBalancer, SyncLoadBalancerFailed when another has the
// port, UnAvailableLoadBalancer when no node can serve. Needs the proxy on each node.
void AddServiceLoadBalancer(Manager& manager, const ServiceLoadBalancerOptions& options);

}  // namespace skiff
