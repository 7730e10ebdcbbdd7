// Addresses as Go's net/netip reads them.
#pragma once

#include <string>
#include <string_view>

#include "api/rules/core/ip.h"

namespace skiff::cel {

// `error` is Go's text; "": the address was read.
struct ReadAddress {
  IpAddress address;
  bool has_zone = false;
  bool maps_ipv4 = false;  // ::ffff:1.2.3.4
  std::string error;
};
ReadAddress ParseAddress(std::string_view text);

struct ReadPrefix {
  Cidr prefix;
  bool maps_ipv4 = false;
  std::string error;
};
ReadPrefix ParsePrefix(std::string_view text);

}  // namespace skiff::cel
