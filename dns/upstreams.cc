#include "dns/upstreams.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace skiff::dns {

std::vector<std::string> ParseNameservers(const std::string& text) {
  std::vector<std::string> nameservers;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find_first_of("#;")));
    std::string keyword, address;
    if (words >> keyword >> address && keyword == "nameserver") nameservers.push_back(address);
  }
  return nameservers;
}

void Upstreams::Set(const std::vector<SocketAddress>& addresses) {
  std::vector<UpstreamPtr> servers;
  MutexLock lock(mutex_);
  for (const SocketAddress& address : addresses) {
    if (servers.size() == kUpstreamsMax) break;
    const auto known = std::find_if(servers_.begin(), servers_.end(),
                                    [&](const auto& each) { return each->address() == address; });
    servers.push_back(known != servers_.end()
                          ? *known
                          : std::make_shared<Upstream>(
                                address, *Name::FromText(fmt::format(
                                             "{:016x}.{:016x}.", random_.Next(), random_.Next()))));
  }
  servers_ = std::move(servers);
  count_ = servers_.size();
}

std::vector<UpstreamPtr> Upstreams::All() const {
  MutexLock lock(mutex_);
  return servers_;
}

UpstreamPtr Upstreams::Pick(const std::vector<UpstreamPtr>& tried, uint64_t random) const {
  const auto servers = All();
  for (const bool any : {false, true}) {
    std::vector<UpstreamPtr> candidates;
    for (const UpstreamPtr& server : servers) {
      const bool was_tried = std::find(tried.begin(), tried.end(), server) != tried.end();
      if (was_tried || server->leads_back()) continue;
      if (any || !server->IsDown()) candidates.push_back(server);
    }
    if (!candidates.empty()) return candidates[random % candidates.size()];
  }
  return nullptr;
}

bool Upstreams::SawLoopProbe(const Name& lower) {
  for (const UpstreamPtr& server : All()) {
    if (!(server->loop_probe() == lower)) continue;
    server->LeadsBack();
    return true;
  }
  return false;
}

}  // namespace skiff::dns
