// IP addresses and CIDR blocks in API fields. Old fields accept what Go's net.ParseIP accepted
// ("010.0.0.1", "::ffff:1.2.3.4"); newer ones want the canonical form.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/select/field_path.h"

namespace skiff {

class Violations;

struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // IPv4: the first four.
  // RFC 5952 for IPv6.
  std::string Text() const;
  size_t bit_count() const { return v6 ? 128 : 32; }
  auto operator<=>(const IpAddress&) const = default;
};

struct Cidr {
  IpAddress address;  // As written, host bits included.
  int prefix_length = 0;
  std::string Text() const;
  IpAddress Network() const;  // The address without host bits.
  bool Contains(const IpAddress& address) const;
};

// Leading zeros are decimal; an IPv4-mapped IPv6 address is an IPv4 address. No zones.
std::optional<IpAddress> ParseIp(std::string_view text);
std::optional<Cidr> ParseCidr(std::string_view text);

// Go's net.IP method of that name: neither this machine, its link, nor many at once.
bool IsGlobalUnicast(const IpAddress& address);

// Messages; none: fine. The strict ones are for fields new since 1.33.
std::vector<std::string> LegacyIpErrors(std::string_view value);
std::vector<std::string> StrictIpErrors(std::string_view value);
std::vector<std::string> LegacyCidrErrors(std::string_view value);
std::vector<std::string> StrictCidrErrors(std::string_view value);
// Of an address with the length of its network's prefix.
std::vector<std::string> InterfaceAddressErrors(std::string_view value);
// The address of an endpoint may not be unspecified, loopback or link local.
void ValidateEndpointIp(std::string_view value, const FieldPath& path, Violations& out);
// Warning headers for values of legacy fields that strict ones would refuse.
std::vector<std::string> LegacyIpWarnings(const FieldPath& path, std::string_view value);
std::vector<std::string> LegacyCidrWarnings(const FieldPath& path, std::string_view value);
// Of the addresses that a load balancer is reached at, in the status of a K.
template <typename K>
void WarnOfLoadBalancer(const K& object, std::vector<std::string>& out) {
  const auto& ingress = object.status.load_balancer.ingress;
  const FieldPath path = FieldPath("status").Child("loadBalancer").Child("ingress");
  for (size_t i = 0; i < ingress.size(); ++i) {
    const auto more = LegacyIpWarnings(path.Index(i), ingress[i].ip);
    out.insert(out.end(), more.begin(), more.end());
  }
}

}  // namespace skiff
