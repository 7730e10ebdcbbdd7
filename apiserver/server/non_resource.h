// Paths that are no resources: health, metrics, version, discovery, OpenAPI, keys of the token
// issuer, copies of the store, revisions of the past.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "apiserver/request/request_context.h"
#include "apiserver/server/core.h"
#include "apiserver/server/health_monitor.h"
#include "apiserver/storage/store_moment.h"
#include "http/message.h"

namespace skiff {

class Aggregation;
class MadeDiscovery;
namespace flow_control {
class Entrance;
}
class MetricRegistry;
class OpenApiDocuments;
struct Served;

struct NonResourceParts {
  Core& core;
  std::string server_address;  // "10.0.0.1:6443", as discovery names it.
  HealthMonitor& health;
  OpenApiDocuments& openapi;
  MetricRegistry& metrics;
  const Served& served;  // What discovery lists.
  Aggregation& aggregation;  // And what others answer for.
  flow_control::Entrance& entrance;
  MadeDiscovery& discovery;
  const std::function<Result<std::string>()>& checkpoint;  // As ApiServer::Parts.
  const FindMoment& find_moment;                           // As well.
};

// 404 in plain text for a path that leads nowhere.
Result<http::Response> HandleNonResource(const NonResourceParts& parts, ApiRequest& request);

// /healthz, /livez, /readyz and the checks below them; nullopt for another path.
std::optional<http::Response> HealthResponse(const NonResourceParts& parts,
                                             const http::Request& request);

}  // namespace skiff
