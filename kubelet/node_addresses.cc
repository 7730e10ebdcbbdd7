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

bool IsUnspecified(const std::string& address) {
  const auto ip = ParseIp(address);
  return ip && ip->bytes == decltype(ip->bytes){};
}

}  // namespace

void NodeAddresses::Renew() {
  if (!source_.find) return;
  const std::vector<std::string> before = Now();
  std::vector<std::string> found = source_.find();
  for (std::string& each : found) {
    const auto old = std::find_if(before.begin(), before.end(), [&](const std::string& address) {
      return IsV6(address) == IsV6(each) && IsReachable(address) && source_.has(address);
    });
    if (old != before.end()) each = *old;
  }
  if (found == before || !std::any_of(found.begin(), found.end(), IsReachable)) return;
  {
    MutexLock lock(mutex_);
    addresses_ = found;
  }
  log_.Info("addresses of the node changed", {{"before", fmt::format("{}", fmt::join(before, ","))},
                                              {"now", fmt::format("{}", fmt::join(found, ","))}});
}

std::vector<std::string> NodeAddresses::Now() const {
  MutexLock lock(mutex_);
  return addresses_;
}

std::vector<std::string> AddressesMeant(const std::vector<std::string>& given,
                                        const OwnAddresses& own) {
  if (given.empty()) return {own.v4};
  std::vector<std::string> meant;
  for (const std::string& address : given) {
    std::string each = IsUnspecified(address) ? (IsV6(address) ? own.v6 : own.v4) : address;
    if (!each.empty()) meant.push_back(std::move(each));
  }
  return meant;
}

}  // namespace skiff::kubelet
