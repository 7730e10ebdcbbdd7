#include "apiserver/server_metrics.h"

#include "apiserver/api_errors.h"
#include "apiserver/media.h"
#include "apiserver/storage/keys.h"
#include "apiserver/version.h"

namespace skiff {
namespace {

const std::vector<std::string> kRequestLabels = {"verb",     "dry_run",     "group", "version",
                                                 "resource", "subresource", "scope", "component"};

std::vector<std::string> RequestLabels(bool dry_run, bool code) {
  std::vector<std::string> labels;
  for (const std::string& label : kRequestLabels) {
    if (label != "dry_run" || dry_run) labels.push_back(label);
  }
  if (code) labels.emplace_back("code");
  return labels;
}

// Streams of bytes to a pod, a node or a service.
bool IsConnect(const RequestInfo& info) {
  const std::string& name = info.subresource;
  return name == "exec" || name == "attach" || name == "portforward" || name == "proxy" ||
         name == "log";
}

std::string_view VerbLabel(const ApiRequest& request) {
  const RequestInfo& info = request.info;
  if (info.is_resource && IsConnect(info)) return "CONNECT";
  static constexpr std::pair<std::string_view, std::string_view> kVerbs[] = {
      {"get", "GET"},       {"list", "LIST"},
      {"watch", "WATCH"},   {"create", "POST"},
      {"update", "PUT"},    {"patch", "PATCH"},
      {"delete", "DELETE"}, {"deletecollection", "DELETECOLLECTION"}};
  if (info.is_resource && info.verb == "patch" &&
      BareMediaType(request.http.Header("Content-Type")) == "application/apply-patch+yaml") {
    return "APPLY";
  }
  for (const auto& [verb, label] : kVerbs) {
    if (info.is_resource ? info.verb == verb : request.http.method == label) return label;
  }
  return "other";
}

std::string_view ScopeLabel(const RequestInfo& info) {
  if (!info.is_resource) return "";
  if (!info.name.empty() || info.verb == "create") return "resource";
  return info.namespace_name.empty() ? "cluster" : "namespace";
}

std::string_view DryRunLabel(const http::Request& request) {
  const auto value = request.Query("dryRun");
  if (!value) return "";
  return *value == "All" ? "All" : "invalid";
}

// Of a path outside the resources only the known ones are told apart.
std::string_view SubresourceLabel(const ApiRequest& request) {
  if (request.kind != nullptr) {
    const std::string_view name = request.info.subresource;
    return name.empty() || request.kind->FindSubresource(name) != nullptr ? name : "";
  }
  for (const std::string_view path : {"/healthz", "/livez", "/readyz", "/metrics", "/version"}) {
    if (request.http.path == path) return path;
  }
  return "";
}

std::vector<double> Powers(double first, double factor, int count) {
  std::vector<double> bounds;
  for (; count > 0; --count, first *= factor) bounds.push_back(first);
  return bounds;
}

double CountOf(Store& store, const KindInfo& kind) {
  const auto page =
      store.List({.prefix = StorePrefix(kind.storage_key), .limit = 1, .count_remaining = true});
  if (!page) return -1;  // As Kubernetes says that it does not know.
  return static_cast<double>(page->records.size() + page->remaining);
}

}  // namespace

std::vector<double> RequestSecondsBounds() {
  return {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
          3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};
}

ServerMetrics::ServerMetrics()
    : requests_(registry_.AddCounter({"apiserver_request_total",
                                      "[STABLE] Requests answered, by what they asked for and the "
                                      "code of the answer.",
                                      RequestLabels(true, true)})),
      seconds_(registry_.AddHistogram({"apiserver_request_duration_seconds",
                                       "[STABLE] Time to the answer, in seconds; long-running "
                                       "requests apart.",
                                       RequestLabels(true, false)},
                                      RequestSecondsBounds())),
      sli_seconds_(registry_.AddHistogram(
          {"apiserver_request_sli_duration_seconds",
           "[ALPHA] Time to the answer that the server itself is to blame for, in seconds.",
           RequestLabels(false, false)},
          {0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60})),
      response_bytes_(
          registry_.AddHistogram({"apiserver_response_sizes", "[STABLE] Size of answers, in bytes.",
                                  RequestLabels(false, false)},
                                 Powers(1000, 10, 7))) {
  registry_.AddProcessMetrics();
  registry_.AddMeasured({"apiserver_current_inflight_requests",
                         "[STABLE] Requests that are being worked on.",
                         {"request_kind"}},
                        [this] {
                          return std::vector<Sample>{
                              {{"mutating"}, static_cast<double>(writing_.load())},
                              {{"readOnly"}, static_cast<double>(reading_.load())}};
                        });
  const Json version = VersionDocument();
  registry_.AddMeasured(
      {"kubernetes_build_info",
       "[ALPHA] Always 1; the labels say which version this is.",
       {"git_version", "major", "minor", "platform"}},
      [version] {
        return std::vector<Sample>{{{version.value("gitVersion", ""), version.value("major", ""),
                                     version.value("minor", ""), version.value("platform", "")},
                                    1}};
      });
}

void ServerMetrics::CountObjectsOf(Store& store) {
  registry_.AddMeasured(
      {"apiserver_storage_objects", "[STABLE] Objects that are stored, by kind.", {"resource"}},
      [&store] {
        std::vector<Sample> samples;
        for (const KindInfo* kind : BuiltInKinds()) {
          if (kind->storage_key.empty() || kind->storage_version != kind->api_version) continue;
          samples.push_back({{GroupResourceOf(*kind).Text()}, CountOf(store, *kind)});
        }
        return samples;
      });
}

void ServerMetrics::Answered(const ApiRequest& request, const http::Response& response,
                             Duration took) {
  // Only kinds that are served: what else a client writes into a URL would be labels without end.
  const bool known = request.kind != nullptr;
  const std::string_view group = known ? request.kind->group : "";
  const std::string_view version = known ? request.kind->version : "";
  const std::string_view resource = known ? request.kind->resource : "";
  const std::string_view verb = VerbLabel(request);
  const std::string_view dry_run = DryRunLabel(request.http);
  const std::string_view subresource = SubresourceLabel(request);
  const std::string_view scope = known ? ScopeLabel(request.info) : "";
  constexpr std::string_view kComponent = "apiserver";
  requests_.Add({verb, dry_run, group, version, resource, subresource, scope, kComponent,
                 std::to_string(response.status)});
  if (response.stream || response.upgrade || response.pending) return;
  const double seconds = std::chrono::duration<double>(took).count();
  seconds_.Observe({verb, dry_run, group, version, resource, subresource, scope, kComponent},
                   seconds);
  sli_seconds_.Observe({verb, group, version, resource, subresource, scope, kComponent}, seconds);
  response_bytes_.Observe({verb, group, version, resource, subresource, scope, kComponent},
                          static_cast<double>(response.body.size()));
}

}  // namespace skiff
