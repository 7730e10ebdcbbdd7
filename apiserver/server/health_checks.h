// What an API server looks at to tell whether it is well.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "apiserver/identity/caches.h"
#include "apiserver/server/health_monitor.h"
#include "apiserver/storage/store.h"

namespace skiff {

// All outlive the checks.
struct HealthParts {
  Store& store;
  Caches& caches;
  const std::atomic<bool>& shutting_down;
  // How long a loop of connections has been at what it does now; null: there are none.
  std::function<Duration()> longest_round = {};
  bool has_rbac = false;
  bool has_client_ca = false;  // Or one of front proxies.
  // Whether a new start would help, and whether it can be used. Null: a read tells.
  std::function<Result<>()> store_alive = {};
  std::function<Result<>()> store_ready = {};
  // Whether it is known which kinds the stored definitions make, and which versions others answer
  // for. Null: there are none.
  std::function<Result<>()> definitions_read = {};
  std::function<Result<>()> services_read = {};
  // How the plugins are that have keys of the store; null: there are none.
  std::function<Result<>()> kms_providers = {};
  // Whether the Lease that tells of this server is seen to; null: it has none.
  std::function<Result<>()> lease_begun = {};
};

// In kube-apiserver's order.
std::vector<HealthMonitor::Check> HealthChecks(const HealthParts& parts);

}  // namespace skiff
