#include <algorithm>
#include <string>
#include <vector>

#include "apiserver/api_errors.h"
#include "apiserver/non_resource.h"
#include "apiserver/respond.h"

namespace skiff {
namespace {

struct Check {
  std::string_view name;
  bool ready_only = false;
};

// In the order of kube-apiserver. What has no part of its own here is done before the server
// answers at all, so its check passes.
constexpr Check kChecks[] = {
    {"ping"},
    {"log"},
    {"etcd"},
    {"etcd-readiness", true},
    {"informer-sync", true},
    {"poststarthook/start-apiserver-admission-initializer"},
    {"poststarthook/generic-apiserver-start-informers"},
    {"poststarthook/priority-and-fairness-config-consumer"},
    {"poststarthook/priority-and-fairness-filter"},
    {"poststarthook/storage-object-count-tracker-hook"},
    {"poststarthook/start-apiextensions-informers"},
    {"poststarthook/start-apiextensions-controllers"},
    {"poststarthook/crd-informer-synced"},
    {"poststarthook/start-system-namespaces-controller"},
    {"poststarthook/start-cluster-authentication-info-controller"},
    {"poststarthook/start-kube-apiserver-identity-lease-controller"},
    {"poststarthook/start-kube-apiserver-identity-lease-garbage-collector"},
    {"poststarthook/start-legacy-token-tracking-controller"},
    {"poststarthook/start-service-ip-repair-controllers"},
    {"poststarthook/rbac/bootstrap-roles"},
    {"poststarthook/scheduling/bootstrap-system-priority-classes"},
    {"poststarthook/priority-and-fairness-config-producer"},
    {"poststarthook/bootstrap-controller"},
    {"poststarthook/start-kubernetes-service-cidr-controller"},
    {"poststarthook/aggregator-reload-proxy-client-cert"},
    {"poststarthook/start-kube-aggregator-informers"},
    {"poststarthook/apiservice-status-local-available-controller"},
    {"poststarthook/apiservice-status-remote-available-controller"},
    {"poststarthook/apiservice-registration-controller"},
    {"poststarthook/apiservice-discovery-controller"},
    {"poststarthook/kube-apiserver-autoregistration"},
    {"autoregister-completion"},
    {"poststarthook/apiservice-openapi-controller"},
    {"poststarthook/apiservice-openapiv3-controller"},
    {"shutdown", true},
};

// "" when the check passes, else why it does not.
std::string Fault(const NonResourceParts& parts, std::string_view name) {
  if (name == "shutdown" && parts.shutting_down) return "process is shutting down";
  if (name == "etcd" || name == "etcd-readiness") {
    // A read that cannot be answered from memory alone.
    const auto read = parts.core.store.Get("/registry/health");
    if (!read && read.error().reason != Reason::kNotFound) return read.error().message;
  }
  return "";
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

http::Response RunAll(const NonResourceParts& parts, const http::Request& request,
                      std::string_view root) {
  std::vector<std::string> excluded;
  for (const auto& [key, value] : request.query) {
    if (key == "exclude") excluded.push_back(value);
  }
  std::string report;
  bool healthy = true;
  for (const Check& check : kChecks) {
    if (check.ready_only && root != "readyz") continue;
    if (std::erase(excluded, check.name) > 0) {
      report.append("[+]").append(check.name).append(" excluded: ok\n");
      continue;
    }
    if (Fault(parts, check.name).empty()) {
      report.append("[+]").append(check.name).append(" ok\n");
    } else {
      healthy = false;
      report.append("[-]").append(check.name).append(" failed: reason withheld\n");
    }
  }
  report += NoMatchWarning(excluded);
  if (!healthy) return TextResponse(500, report + std::string(root) + " check failed\n");
  if (!request.HasQuery("verbose")) return TextResponse(200, "ok");
  return TextResponse(200, report + std::string(root) + " check passed\n");
}

}  // namespace

std::optional<http::Response> HealthResponse(const NonResourceParts& parts,
                                             const http::Request& request) {
  for (const std::string_view root : {"healthz", "livez", "readyz"}) {
    std::string_view path = request.path;
    path.remove_prefix(1);
    if (!path.starts_with(root)) continue;
    path.remove_prefix(root.size());
    if (path.empty() || path == "/") return RunAll(parts, request, root);
    if (path[0] != '/') continue;
    path.remove_prefix(1);
    for (const Check& check : kChecks) {
      if (check.name != path || (check.ready_only && root != "readyz")) continue;
      const std::string fault = Fault(parts, check.name);
      if (fault.empty()) return TextResponse(200, "ok");
      return TextResponse(500, "internal server error: " + fault + "\n");
    }
  }
  return std::nullopt;
}

}  // namespace skiff
