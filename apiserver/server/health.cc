// /healthz, /livez and /readyz, as kube-apiserver answers them. The checks bear its names where
// they look at the same thing here; what has no part of its own in this server, and so could not
// fail, is not listed.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"
#include "apiserver/server/health_checks.h"
#include "apiserver/server/non_resource.h"

namespace skiff {
namespace {

// A connection loop's round takes milliseconds.
constexpr Duration kLoopStuck = 10s;

// An object that the server writes at its start, and the check that is about it.
struct StartObject {
  std::string_view check;
  std::string_view group;
  std::string_view version;
  std::string_view resource;
  std::string_view namespace_name;
  std::string_view name;
};
constexpr StartObject kStartObjects[] = {
    {"poststarthook/start-system-namespaces-controller", "", "v1", "namespaces", "", "kube-system"},
    {"poststarthook/rbac/bootstrap-roles", "rbac.authorization.k8s.io", "v1", "clusterroles", "",
     "cluster-admin"},
    {"poststarthook/scheduling/bootstrap-system-priority-classes", "scheduling.k8s.io", "v1",
     "priorityclasses", "", "system-node-critical"},
    {"poststarthook/priority-and-fairness-config-producer", "flowcontrol.apiserver.k8s.io", "v1",
     "flowschemas", "", "exempt"},
    {"poststarthook/bootstrap-controller", "", "v1", "services", "default", "kubernetes"},
    {"poststarthook/start-kubernetes-service-cidr-controller", "networking.k8s.io", "v1",
     "servicecidrs", "", "kubernetes"},
    {"poststarthook/kube-apiserver-autoregistration", "apiregistration.k8s.io", "v1", "apiservices",
     "", "v1."},
    {"autoregister-completion", "apiregistration.k8s.io", "v1", "apiservices", "", "v1."},
};

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

Result<> LookAtStartObject(Store& store, const StartObject& object) {
  const KindInfo* kind = FindResource(object.group, object.version, object.resource);
  CHECK(kind != nullptr);
  TRY(store.Get(KeyOf(*kind, object.namespace_name, object.name)));
  return {};
}

std::string NoMatchWarning(const std::vector<std::string>& unknown) {
  if (unknown.empty()) return "";
  std::string list;
  for (const std::string& name : unknown) {
    if (!list.empty()) list += ",";
    list += Quoted(name);
  }
  return "warn: some health checks cannot be excluded: no matches for " + list + "\n";
}

bool IsAskedAt(const HealthMonitor::Verdict& verdict, std::string_view root) {
  return root == "readyz" || (!verdict.ready_only && (!verdict.not_live || root != "livez"));
}

http::Response RunAll(const std::vector<HealthMonitor::Verdict>& verdicts,
                      const http::Request& request, std::string_view root) {
  std::vector<std::string> excluded;
  for (const auto& [key, value] : request.query) {
    if (key == "exclude") excluded.push_back(value);
  }
  std::string report;
  bool healthy = true;
  for (const auto& verdict : verdicts) {
    if (!IsAskedAt(verdict, root)) continue;
    if (std::erase(excluded, verdict.name) > 0) {
      report.append("[+]").append(verdict.name).append(" excluded: ok\n");
      continue;
    }
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
  checks.push_back({.name = "log", .look = LookAtLog});
  checks.push_back({.name = "etcd", .look = alive});
  checks.push_back({.name = "etcd-readiness",
                    .ready_only = true,
                    .look = parts.store_ready ? parts.store_ready : alive});
  checks.push_back({.name = "informer-sync", .ready_only = true, .look = [caches = &parts.caches] {
                      return LookAtCaches(*caches);
                    }});
  if (parts.kms_providers) {
    checks.push_back({.name = "kms-providers",
                      .not_live = true,
                      .immediate = true,
                      .look = parts.kms_providers});
  }
  for (const StartObject& object : kStartObjects) {
    if (object.resource == "clusterroles" && !parts.has_rbac) continue;
    checks.push_back({.name = std::string(object.check),
                      .once = true,
                      .look = [store = &parts.store, &object] {
                        return LookAtStartObject(*store, object);
                      }});
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
  for (const std::string_view root : {"healthz", "livez", "readyz"}) {
    std::string_view path = request.path;
    path.remove_prefix(1);
    if (!path.starts_with(root)) continue;
    path.remove_prefix(root.size());
    if (path.empty() || path == "/") return RunAll(parts.health.Verdicts(), request, root);
    if (path[0] != '/') continue;
    path.remove_prefix(1);
    for (const auto& verdict : parts.health.Verdicts()) {
      if (verdict.name != path || !IsAskedAt(verdict, root)) continue;
      if (verdict.fault.empty()) return TextResponse(200, "ok");
      return TextResponse(500, "internal server error: " + verdict.fault + "\n");
    }
  }
  return std::nullopt;
}

}  // namespace skiff
