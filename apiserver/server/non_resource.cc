#include "apiserver/server/non_resource.h"

#include "apiserver/aggregation/aggregation.h"
#include "apiserver/auth/service_accounts.h"
#include "apiserver/flow_control/entrance.h"
#include "apiserver/kinds/discovery_response.h"
#include "apiserver/kinds/openapi_response.h"
#include "apiserver/kinds/served_kinds.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/media.h"
#include "apiserver/request/respond.h"
#include "apiserver/request/version.h"
#include "base/flags.h"
#include "base/metrics.h"
#include "base/seconds.h"

namespace skiff {
namespace {

http::Response PageNotFound() {
  return TextResponse(404, "404 page not found\n");
}

http::Response IndentedJson(const Json& document) {
  http::Response response;
  response.content_type = "application/json";
  response.body = document.dump(2);
  return response;
}

Result<http::Response> Version(const NonResourceParts&, const http::Request& request) {
  TRY(NegotiatePage(request, "application/json", true));
  return IndentedJson(VersionDocument());
}

http::Response MetricsResponse(const MetricRegistry& metrics) {
  http::Response response;
  response.content_type = MetricRegistry::kContentType;
  response.body = metrics.Text();
  return response;
}

Result<http::Response> Metrics(const NonResourceParts& parts, const http::Request&) {
  return MetricsResponse(parts.metrics);
}

Result<http::Response> Levels(const NonResourceParts& parts, const http::Request&) {
  return MetricsResponse(parts.health.levels());
}

Result<http::Response> Index(const NonResourceParts& parts, const http::Request&) {
  Json paths = Json::array();
  for (const char* path : {"/.well-known/openid-configuration", "/api", "/api/v1", "/apis",
                           "/apis/", "/debug/api_priority_and_fairness/dump_priority_levels",
                           "/debug/api_priority_and_fairness/dump_queues",
                           "/debug/api_priority_and_fairness/dump_requests", "/healthz", "/livez",
                           "/metrics", "/metrics/slis", "/openapi/v2", "/openapi/v3",
                           "/openapi/v3/", "/openid/v1/jwks", "/readyz", "/version"}) {
    paths.push_back(path);
  }
  for (const KindInfo* kind : parts.served.routes.kinds()) {
    if (kind->group.empty()) continue;
    paths.push_back("/apis/" + std::string(kind->group));
    paths.push_back("/apis/" + std::string(kind->api_version));
  }
  const auto others = parts.aggregation.Table();
  for (const ListedVersion& each : others->listed) {
    paths.push_back("/apis/" + each.group);
    paths.push_back("/apis/" + each.group + "/" + each.version);
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return IndentedJson({{"paths", paths}});
}

Result<http::Response> IssuerDocument(const NonResourceParts& parts, const http::Request& request) {
  TRY(NegotiatePage(request, "application/json", false));
  http::Response response;
  response.content_type = "application/json";
  response.SetHeader("Cache-Control", "public, max-age=3600");
  const std::string& given = parts.core.tokens.options().key_set_url;
  const std::string keys =
      given.empty() ? "https://" + parts.server_address + "/openid/v1/jwks" : given;
  response.body =
      Json{{"issuer", parts.core.tokens.issuer()},
           {"jwks_uri", keys},
           {"response_types_supported", {"id_token"}},
           {"subject_types_supported", {"public"}},
           {"id_token_signing_alg_values_supported", Json::array({parts.core.tokens.algorithm()})}}
          .dump();
  return response;
}

Result<http::Response> KeySet(const NonResourceParts& parts, const http::Request& request) {
  TRY(NegotiatePage(request, "application/jwk-set+json", false));
  const Json keys = TRY(parts.core.tokens.KeySet());
  http::Response response;
  response.content_type = "application/jwk-set+json";
  response.SetHeader("Cache-Control", "public, max-age=3600");
  response.body = keys.dump();
  return response;
}

// nullopt for a path that is none of a document. What another server has, it is asked for itself.
std::optional<Result<http::Response>> OpenApiResponse(const NonResourceParts& parts,
                                                      const ApiRequest& request) {
  constexpr std::string_view kDocuments = "/openapi/v3/";
  const std::string_view path = request.http.path;
  if (!path.starts_with("/openapi/")) return std::nullopt;
  if (const Resident* resident = parts.aggregation.ResidentAt(path)) {
    return resident->answer(request.http);
  }
  auto others = parts.aggregation.OpenApiHashes();
  for (const auto& [key, hash] : others) {
    if (!path.starts_with(kDocuments) || path.substr(kDocuments.size()) != key) continue;
    const auto remote = parts.aggregation.RemoteAt("/" + key);
    if (remote) return parts.aggregation.Forward(*remote, request);
  }
  OpenApiDocuments::Others of_others{.v3 = std::move(others)};
  if (path == "/openapi/v2") of_others.v2 = parts.aggregation.OpenApiV2Documents();
  auto found = parts.openapi.Answer(*parts.served.kinds, request.http, of_others);
  if (!found) return std::nullopt;
  return std::move(*found);
}

http::Response DumpResponse(std::string text) {
  http::Response response = TextResponse(200, std::move(text));
  response.SetHeader("Cache-Control", "no-cache, no-store");
  return response;
}

Result<http::Response> DumpLevels(const NonResourceParts& parts, const http::Request&) {
  return DumpResponse(parts.entrance.DumpLevels());
}

Result<http::Response> DumpQueues(const NonResourceParts& parts, const http::Request&) {
  return DumpResponse(parts.entrance.DumpQueues());
}

Result<http::Response> DumpRequests(const NonResourceParts& parts, const http::Request& request) {
  const bool details = !request.Query("includeRequestDetails").value_or("").empty();
  return DumpResponse(parts.entrance.DumpRequests(details));
}

// For who may do all: whoever reads the copy reads every Secret. It lies on the server's machine.
Result<http::Response> Checkpoint(const NonResourceParts& parts, const http::Request&) {
  if (!parts.checkpoint) return PageNotFound();
  http::Response response = IndentedJson({{"path", TRY(parts.checkpoint())}});
  response.status = 201;
  return response;
}

Result<TimePoint> MomentIn(const NonResourceParts& parts, const http::Request& request) {
  if (const auto ago = request.Query("ago")) {
    const auto duration = ParseGoDuration(std::string(*ago));
    if (!duration || *duration < Duration::zero()) {
      return Fail(Reason::kBadRequest, "ago: it must be a duration, such as 10m");
    }
    return Later(parts.core.clock.Now(), -*duration);
  }
  const auto at = Time::Parse(request.Query("at").value_or(""));
  if (!at) return Fail(Reason::kBadRequest, "at: it must be a time of RFC 3339");
  return at->point();
}

// Which revision was the newest at a moment (at=2026-01-02T15:04:05Z), or so long ago by the
// server's clock (ago=10m). It says no more than the resourceVersion of any list.
Result<http::Response> RevisionAt(const NonResourceParts& parts, const http::Request& request) {
  if (!parts.find_moment) return PageNotFound();
  const TimePoint moment = TRY(MomentIn(parts, request));
  const StoreMoment found = TRY(parts.find_moment(moment));
  Json document = {{"resourceVersion", std::to_string(found.revision.value)}};
  if (found.is_oldest) document["oldest"] = true;
  if (found.at) document["since"] = Time(*found.at).Rfc3339Micro();
  if (found.sure_until) document["sureUntil"] = Time(*found.sure_until).Rfc3339Micro();
  return IndentedJson(document);
}

struct ServedPage {
  std::string_view path;
  std::string_view only_method;  // "": any.
  Result<http::Response> (*handle)(const NonResourceParts& parts, const http::Request& request);
};
constexpr ServedPage kPages[] = {
    {"/", "", &Index},
    {"/index.html", "", &Index},
    {"/metrics", "GET", &Metrics},
    {"/metrics/slis", "GET", &Levels},
    {"/version", "GET", &Version},
    {"/version/", "GET", &Version},
    {"/debug/api_priority_and_fairness/dump_priority_levels", "", &DumpLevels},
    {"/debug/api_priority_and_fairness/dump_queues", "", &DumpQueues},
    {"/debug/api_priority_and_fairness/dump_requests", "", &DumpRequests},
    {"/.well-known/openid-configuration", "GET", &IssuerDocument},
    {"/openid/v1/jwks", "GET", &KeySet},
    {"/skiff/checkpoints", "POST", &Checkpoint},
    {"/skiff/revisions", "GET", &RevisionAt},
};

}  // namespace

Result<http::Response> HandleNonResource(const NonResourceParts& parts, ApiRequest& request) {
  if (auto health = HealthResponse(parts, request.http)) return std::move(*health);
  for (const ServedPage& page : kPages) {
    if (page.path != request.http.path) continue;
    if (!page.only_method.empty() && request.http.method != page.only_method) {
      return Fail(MethodNotAllowedHere());
    }
    return page.handle(parts, request.http);
  }
  if (auto found = OpenApiResponse(parts, request)) return std::move(*found);
  if (auto found = DiscoveryResponse(parts, request)) return std::move(*found);
  return PageNotFound();
}

}  // namespace skiff
