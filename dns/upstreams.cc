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

Upstreams::Upstreams(std::vector<SocketAddress> addresses, Random& random)
    : servers_(new Server[addresses.size()]), count_(addresses.size()) {
  CHECK(count_ <= kUpstreamsMax);
  for (size_t i = 0; i < count_; ++i) {
    servers_[i].address = addresses[i];
    servers_[i].loop_probe =
        *Name::FromText(fmt::format("{:016x}.{:016x}.", random.Next(), random.Next()));
  }
}

std::optional<size_t> Upstreams::Pick(uint32_t tried, uint64_t random) const {
  for (const bool any : {false, true}) {
    size_t candidates[kUpstreamsMax];
    size_t count = 0;
    for (size_t i = 0; i < count_; ++i) {
      if ((tried >> i & 1) != 0 || servers_[i].loops) continue;
      if (any || !IsDown(i)) candidates[count++] = i;
    }
    if (count > 0) return candidates[random % count];
  }
  return std::nullopt;
}

bool Upstreams::SawLoopProbe(const Name& lower) {
  for (size_t i = 0; i < count_; ++i) {
    if (!(servers_[i].loop_probe == lower)) continue;
    servers_[i].loops = true;
    return true;
  }
  return false;
}

}  // namespace skiff::dns
