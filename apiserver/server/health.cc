// /healthz, /livez and /readyz, as kube-apiserver answers them. The checks bear its names, which
// probes and tests ask for one by one, where they look at the same thing here; several of its names
// may be about one thing.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "apiserver/identity/token_tracking.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"
#include "apiserver/server/authentication_map.h"
#include "apiserver/server/bootstrap.h"
#include "apiserver/server/health_checks.h"
#include "apiserver/server/non_resource.h"

namespace skiff {
namespace {

// A connection loop's round takes milliseconds.
constexpr Duration kLoopStuck = 10s;

// What the server does at its start, and the check that tells whether it is done.
struct StartStep {
  enum class Of { kCaches, kDefinitions, kServices, kObject, kLease };
  std::string_view check;
  Of of;
  // An object that is written then; of kObject alone.
  std::string_view group = {};
  std::string_view version = {};
  std::string_view resource = {};
  std::string_view namespace_name = {};
  std::string_view name = {};
};
using Of = StartStep::Of;
constexpr StartStep kStartSteps[] = {
    {"start-apiserver-admission-initializer", Of::kCaches},
    {"generic-apiserver-start-informers", Of::kCaches},
    {"start-apiextensions-informers", Of::kDefinitions},
    {"start-apiextensions-controllers", Of::kDefinitions},
    {"crd-informer-synced", Of::kDefinitions},
    {"start-system-namespaces-controller", Of::kObject, "", "v1", "namespaces", "", "kube-system"},
    {"start-cluster-authentication-info-controller", Of::kObject, "", "v1", "configmaps",
     "kube-system", kAuthenticationMap},
    {"start-kube-apiserver-identity-lease-controller", Of::kLease},
    {"start-kube-apiserver-identity-lease-garbage-collector", Of::kLease},
    {"start-legacy-token-tracking-controller", Of::kObject, "", "v1", "configmaps", "kube-system",
     kTokenTracking},
    // Its address is the first that is taken.
    {"start-service-ip-repair-controllers", Of::kObject, "", "v1", "services", "default",
     "kubernetes"},
    {"rbac/bootstrap-roles", Of::kObject, "rbac.authorization.k8s.io", "v1", "clusterroles", "",
     "cluster-admin"},
    {"scheduling/bootstrap-system-priority-classes", Of::kObject, "scheduling.k8s.io", "v1",
     "priorityclasses", "", "system-node-critical"},
    {"priority-and-fairness-config-producer", Of::kObject, "flowcontrol.apiserver.k8s.io", "v1",
     "flowschemas", "", "exempt"},
    {"bootstrap-controller", Of::kObject, "", "v1", "services", "default", "kubernetes"},
    {"start-kubernetes-service-cidr-controller", Of::kObject, "networking.k8s.io", "v1",
     "servicecidrs", "", "kubernetes"},
    {"start-kube-aggregator-informers", Of::kServices},
    {"apiservice-status-local-available-controller", Of::kServices},
    {"apiservice-status-remote-available-controller", Of::kServices},
    {"apiservice-registration-controller", Of::kServices},
    {"apiservice-discovery-controller", Of::kServices},
    {"kube-apiserver-autoregistration", Of::kObject, "apiregistration.k8s.io", "v1", "apiservices",
     "", "v1."},
    {"autoregister-completion", Of::kObject, "apiregistration.k8s.io", "v1", "apiservices", "",
     "v1."},
    {"apiservice-openapi-controller", Of::kServices},
    {"apiservice-openapiv3-controller", Of::kServices},
};

std::string CheckOf(const StartStep& step) {
  // That one alone bears no more than its name.
  const bool is_bare = step.check == "autoregister-completion";
  return (is_bare ? "" : "poststarthook/") + std::string(step.check);
}

Result<> LookAtLoops(const std::function<Duration()>& longest_round) {
  if (!longest_round || longest_round() <= kLoopStuck) return {};
  return Fail(Reason::kInternalError, "a loop of connections is stuck");
}

// A log that nobody takes holds whoever writes to it.
Result<> LookAtLog() {
  pollfd log{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (poll(&log, 1, 0) != 0) return {};
  return Fail(Reason::kInternalError, "nobody takes what is logged");
}

Result<> LookAtStore(Store& store) {
  const auto read = store.Get("/registry/health");
  if (!read && read.error().reason != Reason::kNotFound) return Fail(read.error());
  return {};
}

Result<> LookAtCaches(Caches& caches) {
  if (caches.namespaces.Find("", "kube-system") != nullptr) return {};
  return Fail(Reason::kInternalError, "namespaces are not known yet");
}

Result<> LookAtObject(Store& store, const StartStep& object) {
  const KindInfo* kind = FindResource(object.group, object.version, object.resource);
  CHECK(kind != nullptr);
  TRY(store.Get(KeyOf(*kind, object.namespace_name, object.name)));
  return {};
}

std::function<Result<>()> LookAt(const StartStep& step, const HealthParts& parts) {
  switch (step.of) {
    case Of::kCaches:
      return [caches = &parts.caches] { return LookAtCaches(*caches); };
    case Of::kDefinitions:
      return parts.definitions_read;
    case Of::kServices:
      return parts.services_read;
    case Of::kObject:
      return [store = &parts.store, &step] { return LookAtObject(*store, step); };
    case Of::kLease:
      return parts.lease_begun;
  }
  return nullptr;
}

std::string NoMatchWarning(const std::vector<std::string>& unknown) {
  if (unknown.empty()) return "";
  std::string list;
  for (const std::string& name : std::set<std::string>(unknown.begin(), unknown.end())) {
    if (!list.empty()) list += ",";
    list += Quoted(name);
  }
  return "warn: some health checks cannot be excluded: no matches for " + list + "\n";
}

http::Response RunAll(HealthMonitor& health, const http::Request& request, std::string_view root) {
  std::vector<std::string> excluded;
  for (const auto& [key, value] : request.query) {
    if (key == "exclude") excluded.push_back(value);
  }
  std::string report;
  bool healthy = true;
  for (const auto& verdict : health.Verdicts()) {
    if (!verdict.IsAskedAt(root)) continue;
    if (std::erase(excluded, verdict.name) > 0) {
      report.append("[+]").append(verdict.name).append(" excluded: ok\n");
      continue;
    }
    health.Count(verdict, root);
    if (verdict.fault.empty()) {
      report.append("[+]").append(verdict.name).append(" ok\n");
    } else {
      healthy = false;
      report.append("[-]").append(verdict.name).append(" failed: reason withheld\n");
    }
  }
  report += NoMatchWarning(excluded);
  if (!healthy) return TextResponse(500, report + std::string(root) + " check failed\n");
  if (!request.HasQuery("verbose")) return TextResponse(200, "ok");
  return TextResponse(200, report + std::string(root) + " check passed\n");
}

}  // namespace

std::vector<HealthMonitor::Check> HealthChecks(const HealthParts& parts) {
  std::vector<HealthMonitor::Check> checks;
  std::function<Result<>()> alive = parts.store_alive;
  if (!alive) alive = [store = &parts.store] { return LookAtStore(*store); };
  checks.push_back({.name = "ping", .immediate = true, .look = [round = parts.longest_round] {
                      return LookAtLoops(round);
                    }});
  // Nor does that wait: it says nothing of a store that keeps silent, which may be excluded.
  checks.push_back({.name = "log", .immediate = true, .look = LookAtLog});
  checks.push_back({.name = "etcd", .look = alive});
  checks.push_back({.name = "etcd-readiness",
                    .ready_only = true,
                    .look = parts.store_ready ? parts.store_ready : alive});
  checks.push_back(
      {.name = "informer-sync", .ready_only = true, .once = true, .look = [caches = &parts.caches] {
         return LookAtCaches(*caches);
       }});
  if (parts.kms_providers) {
    checks.push_back({.name = "kms-providers",
                      .not_live = true,
                      .immediate = true,
                      .look = parts.kms_providers});
  }
  for (const StartStep& step : kStartSteps) {
    if (step.resource == "clusterroles" && !parts.has_rbac) continue;
    if (step.name == kAuthenticationMap && !parts.has_client_ca) continue;
    if (auto look = LookAt(step, parts)) {
      checks.push_back({.name = CheckOf(step), .once = true, .look = std::move(look)});
    }
  }
  checks.push_back({.name = "shutdown",
                    .ready_only = true,
                    .immediate = true,
                    .look = [down = &parts.shutting_down]() -> Result<> {
                      if (!*down) return {};
                      return Fail(Reason::kInternalError, "process is shutting down");
                    }});
  return checks;
}

std::optional<http::Response> HealthResponse(const NonResourceParts& parts,
                                             const http::Request& request) {
  for (const std::string_view root : HealthMonitor::kRoots) {
    std::string_view path = request.path;
    path.remove_prefix(1);
    if (!path.starts_with(root)) continue;
    path.remove_prefix(root.size());
    if (path.empty() || path == "/") return RunAll(parts.health, request, root);
    if (path[0] != '/') continue;
    path.remove_prefix(1);
    for (const auto& verdict : parts.health.Verdicts()) {
      if (verdict.name != path || !verdict.IsAskedAt(root)) continue;
      if (verdict.fault.empty()) {
        http::Response well = TextResponse(200, "ok");
        well.headers.erase("X-Content-Type-Options");  // As of one that says more than all at once.
        return well;
      }
      return TextResponse(500, "internal server error: " + verdict.fault + "\n");
    }
  }
  return std::nullopt;
}

}  // namespace skiff
