#include "kubelet/node_addresses.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/rules/core/ip.h"

namespace skiff::kubelet {
namespace {

bool IsReachable(const std::string& address) {
  const auto ip = ParseIp(address);
  return ip && IsGlobalUnicast(*ip);
}

bool IsV6(const std::string& address) {
  return address.find(':') != std::string::npos;
}

// That of the same family; "": none is.
std::string Alike(const std::vector<std::string>& among, bool is_v6) {
  const auto found = std::find_if(among.begin(), among.end(),
                                  [&](const auto& each) { return IsV6(each) == is_v6; });
  return found != among.end() ? *found : "";
}

}  // namespace

std::vector<std::string> KeptAddresses::Next(const std::vector<std::string>& before) const {
  std::vector<std::string> found = source_.find();
  if (found == before) return before;
  std::vector<std::string> kept = before;
  std::erase_if(kept,
                [&](const std::string& each) { return !IsReachable(each) || !source_.has(each); });
  std::erase_if(found, [](const std::string& each) { return !IsReachable(each); });
  // One that was found instead of it, of the other family, is not to come beside it.
  if (before.size() == 1 && kept.size() == 1 && found.size() == 1) return kept;
  std::vector<std::string> next;
  std::vector<std::string> order = found.size() > 1 ? found : before;
  order.insert(order.end(), found.begin(), found.end());
  for (const std::string& each : order) {
    const bool is_v6 = IsV6(each);
    if (!Alike(next, is_v6).empty()) continue;
    std::string one = Alike(kept, is_v6);
    if (one.empty()) one = Alike(found, is_v6);
    if (!one.empty()) next.push_back(std::move(one));
  }
  return next.empty() ? before : next;
}

bool KeptAddresses::Renew() {
  if (!source_.find) return false;
  const std::vector<std::string> before = Now();
  const std::vector<std::string> next = Next(before);
  if (next == before) return false;
  {
    MutexLock lock(mutex_);
    addresses_ = next;
  }
  log_.Info("addresses of the node changed", {{"before", fmt::format("{}", fmt::join(before, ","))},
                                              {"now", fmt::format("{}", fmt::join(next, ","))}});
  return true;
}

std::vector<std::string> KeptAddresses::Now() const {
  MutexLock lock(mutex_);
  return addresses_;
}

bool IsUnspecified(const std::string& address) {
  const auto ip = ParseIp(address);
  return ip && ip->bytes == decltype(ip->bytes){};
}

std::vector<std::string> AddressesMeant(const std::vector<std::string>& given,
                                        const OwnAddresses& own) {
  if (given.empty()) return {own.v4};
  if (given.size() > 1 || !IsUnspecified(given.front())) return given;
  const bool is_v6 = IsV6(given.front());
  const std::string& wanted = is_v6 ? own.v6 : own.v4;
  const std::string& other = is_v6 ? own.v4 : own.v6;
  return {IsReachable(wanted) || other.empty() ? wanted : other};
}

}  // namespace skiff::kubelet
