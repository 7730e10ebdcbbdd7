#include "apiserver/aggregation/aggregation.h"

namespace skiff {

Aggregation::Aggregation(Parts parts)
    : services_(parts.store),
      backends_({.store = parts.store,
                 .random = parts.random,
                 .loops = parts.loops,
                 .nodes = parts.nodes}),
      forwarder_(backends_, parts.random, parts.rejects_redirects, parts.limits),
      availability_({.store = parts.store,
                     .clock = parts.clock,
                     .services = services_,
                     .backends = backends_,
                     .metrics = parts.metrics,
                     .ask = std::move(parts.ask)}),
      documents_({.store = parts.store,
                  .clock = parts.clock,
                  .services = services_,
                  .backends = backends_}) {}

VersionDiscovery Aggregation::DiscoveryOf(const ListedVersion& listed) const {
  VersionDiscovery discovery;
  discovery.freshness = "Stale";
  if (listed.is_remote) {
    discovery = documents_.Of(listed.version + "." + listed.group).discovery;
  }
  discovery.version = listed.version;
  return discovery;
}

std::vector<std::pair<std::string, std::string>> Aggregation::OpenApiHashes() {
  std::vector<std::pair<std::string, std::string>> hashes;
  const auto table = services_.Now();
  for (const RemoteServicePtr& remote : table->remotes) {
    std::string hash = documents_.Of(remote->name).openapi_hash;
    if (hash.empty()) continue;
    hashes.emplace_back("apis/" + remote->group + "/" + remote->version, std::move(hash));
  }
  return hashes;
}

}  // namespace skiff
