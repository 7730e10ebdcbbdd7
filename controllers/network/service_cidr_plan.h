// Whether a range of Service addresses can go. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/gen/networking_v1.h"
#include "api/rules/core/ip.h"

namespace skiff {

// Whether the range gives out the address: not the network's own, nor an IPv4 broadcast's.
bool GivesOut(const networking_v1::ServiceCIDR& object, const IpAddress& address);
// Whether one holds all or a part of the other.
bool Overlap(const networking_v1::ServiceCIDR& a, const networking_v1::ServiceCIDR& b);

// Whether none of the addresses that Services have (names of IPAddresses) would be left without a
// range. `others` are the ServiceCIDRs that stay: neither `object` nor any that is being deleted.
bool CanGo(const networking_v1::ServiceCIDR& object,
           const std::vector<networking_v1::ServiceCIDR>& others,
           const std::vector<std::string>& addresses);

}  // namespace skiff
