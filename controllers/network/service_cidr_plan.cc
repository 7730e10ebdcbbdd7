#include "controllers/network/service_cidr_plan.h"

#include <algorithm>

namespace skiff {
namespace {

using networking_v1::ServiceCIDR;

std::vector<Cidr> PrefixesOf(const ServiceCIDR& object) {
  std::vector<Cidr> prefixes;
  for (const std::string& text : object.spec.cidrs) {
    if (const auto cidr = ParseCidr(text)) prefixes.push_back(*cidr);
  }
  return prefixes;
}

bool Holds(const Cidr& outer, const Cidr& inner) {
  return outer.prefix_length <= inner.prefix_length && outer.Contains(inner.address);
}

bool IsBroadcast(const Cidr& cidr, const IpAddress& address) {
  if (address.v6) return false;
  for (size_t bit = static_cast<size_t>(cidr.prefix_length); bit < 32; ++bit) {
    if (!(address.bytes[bit / 8] & (0x80 >> bit % 8))) return false;
  }
  return true;
}

bool GivesOut(const Cidr& cidr, const IpAddress& address) {
  return cidr.Contains(address) && address != cidr.Network() && !IsBroadcast(cidr, address);
}

}  // namespace

bool GivesOut(const ServiceCIDR& object, const IpAddress& address) {
  const auto prefixes = PrefixesOf(object);
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Cidr& prefix) { return GivesOut(prefix, address); });
}

bool Overlap(const ServiceCIDR& a, const ServiceCIDR& b) {
  for (const Cidr& one : PrefixesOf(a)) {
    for (const Cidr& other : PrefixesOf(b)) {
      if (Holds(one, other) || Holds(other, one)) return true;
    }
  }
  return false;
}

bool CanGo(const ServiceCIDR& object, const std::vector<ServiceCIDR>& others,
           const std::vector<std::string>& addresses) {
  return std::none_of(addresses.begin(), addresses.end(), [&](const std::string& text) {
    const auto address = ParseIp(text);
    if (!address || !GivesOut(object, *address)) return false;
    return std::none_of(others.begin(), others.end(),
                        [&](const ServiceCIDR& other) { return GivesOut(other, *address); });
  });
}

}  // namespace skiff
