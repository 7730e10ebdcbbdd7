#include "apiserver/aggregation/aggregation.h"

#include "base/hash.h"

namespace skiff {

Aggregation::Aggregation(Parts parts)
    : resident_(parts.resident),
      services_(parts.store, parts.resident),
      backends_({.store = parts.store,
                 .random = parts.random,
                 .loops = parts.loops,
                 .nodes = parts.nodes,
                 .to_endpoints = parts.to_endpoints}),
      forwarder_({.backends = backends_,
                  .random = parts.random,
                  .front_proxy = parts.front_proxy,
                  .rejects_redirects = parts.rejects_redirects,
                  .limits = parts.limits}),
      availability_({.store = parts.store,
                     .clock = parts.clock,
                     .services = services_,
                     .backends = backends_,
                     .metrics = parts.metrics,
                     .ask = std::move(parts.ask),
                     .own_host = std::move(parts.own_host)}),
      documents_({.store = parts.store,
                  .clock = parts.clock,
                  .services = services_,
                  .backends = backends_}) {
  if (resident_ != nullptr) AskResident();
}

void Aggregation::AskResident() {
  const auto ask = [&](const std::string& path) {
    http::Request request;
    request.method = "GET";
    request.path = path;
    const auto answer = resident_->answer(request);
    CHECK(answer.has_value());  // It answers these always.
    return answer->body;
  };
  auto discovery =
      ReadResourceList(ask(resident_->path()), resident_->group, resident_->version);
  CHECK(discovery.has_value());
  resident_discovery_ = std::move(*discovery);
  resident_discovery_.freshness = "Current";
  resident_openapi_hash_ = Hex(Sha512(ask("/openapi/v3" + resident_->path())));
}

const Resident* Aggregation::ResidentAt(std::string_view path) {
  if (resident_ == nullptr) return nullptr;
  constexpr std::string_view kOpenApi = "/openapi/v3";
  const bool is_document = path.starts_with(kOpenApi);
  if (is_document) path.remove_prefix(kOpenApi.size());
  const std::string own = resident_->path();
  const bool is_below = path.starts_with(own) && path.substr(own.size()).starts_with('/');
  if (path != own && (is_document || !is_below)) return nullptr;
  return services_.Now()->has_resident ? resident_ : nullptr;
}

VersionDiscovery Aggregation::DiscoveryOf(const ListedVersion& listed) const {
  if (listed.is_resident) return resident_discovery_;
  VersionDiscovery discovery;
  discovery.freshness = "Stale";
  if (listed.is_remote) {
    discovery = documents_.Of(listed.version + "." + listed.group)->discovery;
  }
  discovery.version = listed.version;
  return discovery;
}

std::vector<std::pair<std::string, std::string>> Aggregation::OpenApiHashes() {
  std::vector<std::pair<std::string, std::string>> hashes;
  const auto table = services_.Now();
  if (table->has_resident) {
    hashes.emplace_back(resident_->path().substr(1), resident_openapi_hash_);
  }
  for (const RemoteServicePtr& remote : table->remotes) {
    std::string hash = documents_.Of(remote->name)->openapi_hash;
    if (hash.empty()) continue;
    hashes.emplace_back("apis/" + remote->group + "/" + remote->version, std::move(hash));
  }
  return hashes;
}

std::vector<PackedDocumentPtr> Aggregation::OpenApiV2Documents() {
  std::vector<PackedDocumentPtr> documents;
  for (const RemoteServicePtr& remote : services_.Now()->remotes) {
    auto document = documents_.Of(remote->name)->openapi_v2;
    if (document != nullptr) documents.push_back(std::move(document));
  }
  return documents;
}

}  // namespace skiff
