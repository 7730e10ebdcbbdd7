// The objects that a cluster starts with: namespaces, roles, priority classes, flow control, the
// service `kubernetes`. Written where they are missing; what is there stays, as a user may have
// changed it, but that default roles get what they lack (rbac_reconcile.h), and flow control
// becomes what it was, where no operator keeps it (flow_control_revision.h).
#pragma once

#include <string>
#include <vector>

#include "api/registry.h"
#include "apiserver/auth/front_proxy.h"
#include "apiserver/server/core.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct StartOptions {
  bool has_rbac = false;
  std::vector<std::string> service_ranges;
  std::string first_service_ip;
  std::string advertise_address;
  // False where several servers serve one store: MasterLeases writes the endpoints of all.
  bool owns_endpoints = true;
  int secure_port = 6443;
  std::string client_ca_pem;
  FrontProxyOptions front_proxy;
  std::vector<const KindInfo*> kinds = KindsWith({});  // That are served, whatever comes.
  TimePoint now;
};
Result<> WriteStartObjects(Core& core, const StartOptions& options);
// Those of `documents` that the store does not have.
Result<> WriteMissing(Core& core, const std::vector<Json>& documents);
// Those of them that are flow control, and that no operator keeps, become what they were; whether
// any was not.
bool ReviseFlowControl(Core& core, const std::vector<Json>& documents);

// The objects themselves, as clients would send them, in the order in which they are written.
std::vector<Json> StartObjects(const StartOptions& options);
// flowcontrol.apiserver.k8s.io
std::vector<Json> FlowControlObjects();

}  // namespace skiff
