// Who this machine is to others.
#pragma once

#include <string>

namespace skiff {

// The IPv4 address of the default route's interface; loopback when there is none.
std::string OwnAddress();
// The IPv6 address of that interface that others can reach, and that stays: none of the link alone,
// none that is temporary. "": there is none.
std::string OwnIpv6Address();
// Whether this machine has that address, on whatever link.
bool HasAddress(const std::string& address);
// The host's name in lower case.
std::string OwnHostname();

}  // namespace skiff
