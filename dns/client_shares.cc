#include "dns/client_shares.h"

#include <algorithm>

namespace skiff::dns {

void ClientShares::Remove(const IpAddress& client) {
  const auto found = held_.find(client);
  if (found == held_.end()) return;
  --total_;
  if (--found->second == 0) held_.erase(found);
}

std::optional<IpAddress> ClientShares::WhoMakesRoomFor(const IpAddress& client) const {
  const auto most = std::max_element(
      held_.begin(), held_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto own = held_.find(client);
  const size_t count = own == held_.end() ? 0 : own->second;
  if (most == held_.end() || count + 1 >= most->second) return std::nullopt;
  return most->first;
}

}  // namespace skiff::dns
