// ip() and cidr().
#include <array>

#include "api/cel/libraries.h"
#include "api/cel/net.h"
#include "api/text/go_text.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

class IpValue final : public OpaqueValue {
 public:
  explicit IpValue(IpAddress value) : address(value) {}
  const char* TypeName() const override { return "net.IP"; }
  bool Equals(const OpaqueValue& other) const override {
    const auto* ip = dynamic_cast<const IpValue*>(&other);
    return ip != nullptr && ip->address == address;
  }
  std::string Text() const override { return address.Text(); }
  const IpAddress address;
};

class CidrValue final : public OpaqueValue {
 public:
  explicit CidrValue(Cidr value) : prefix(value) {}
  const char* TypeName() const override { return "net.CIDR"; }
  bool Equals(const OpaqueValue& other) const override {
    const auto* cidr = dynamic_cast<const CidrValue*>(&other);
    return cidr != nullptr && cidr->prefix.address == prefix.address &&
           cidr->prefix.prefix_length == prefix.prefix_length;
  }
  std::string Text() const override { return prefix.Text(); }
  const Cidr prefix;
};

Value MakeIp(const IpAddress& address) {
  return Value::Opaque(std::make_shared<IpValue>(address));
}
Value MakeCidr(const Cidr& prefix) {
  return Value::Opaque(std::make_shared<CidrValue>(prefix));
}

Value IpOf(Args a) {
  const std::string_view text = a[0].text();
  const ReadAddress read = ParseAddress(text);
  if (!read.error.empty()) {
    return Value::Error("IP Address " + GoQuote(text) +
                        " parse error during conversion from string: " + read.error);
  }
  if (read.has_zone) {
    return Value::Error("IP address " + GoQuote(text) + " with zone value is not allowed");
  }
  if (read.maps_ipv4) {
    return Value::Error("IPv4-mapped IPv6 address " + GoQuote(text) + " is not allowed");
  }
  return MakeIp(read.address);
}

Value CidrOf(Args a) {
  constexpr char kWrong[] = "network address parse error during conversion from string: ";
  const ReadPrefix read = ParsePrefix(a[0].text());
  if (!read.error.empty()) return Value::Error(std::string(kWrong) + kWrong + read.error);
  if (read.maps_ipv4) {
    return Value::Error(kWrong + ("IPv4-mapped IPv6 address " + GoQuote(a[0].text())) +
                        " is not allowed");
  }
  return MakeCidr(read.prefix);
}

const IpAddress& AddressIn(const Value& value) {
  return static_cast<const IpValue&>(value.opaque()).address;
}
const Cidr& PrefixIn(const Value& value) {
  return static_cast<const CidrValue&>(value.opaque()).prefix;
}

Value IsIp(Args a) {
  return Value::Bool(!IpOf(a).IsError());
}
Value IsCidr(Args a) {
  return Value::Bool(!CidrOf(a).IsError());
}
Value IsCanonicalIp(Args a) {
  const Value ip = IpOf(a);
  return ip.IsError() ? ip : Value::Bool(AddressIn(ip).Text() == a[0].text());
}
Value TextOfOpaque(Args a) {
  return Value::String(a[0].opaque().Text());
}
Value Family(Args a) {
  return Value::Int(AddressIn(a[0]).v6 ? 6 : 4);
}
Value IsUnspecified(Args a) {
  return Value::Bool(AddressIn(a[0]).bytes == std::array<uint8_t, 16>{});
}

bool Loopback(const IpAddress& ip) {
  if (!ip.v6) return ip.bytes[0] == 127;
  std::array<uint8_t, 16> one{};
  one[15] = 1;
  return ip.bytes == one;
}
bool LinkLocalUnicast(const IpAddress& ip) {
  if (!ip.v6) return ip.bytes[0] == 169 && ip.bytes[1] == 254;
  return ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80;
}
bool LinkLocalMulticast(const IpAddress& ip) {
  if (!ip.v6) return ip.bytes[0] == 224 && ip.bytes[1] == 0 && ip.bytes[2] == 0;
  return ip.bytes[0] == 0xff && (ip.bytes[1] & 0x0f) == 0x02;
}
bool Multicast(const IpAddress& ip) {
  return ip.v6 ? ip.bytes[0] == 0xff : (ip.bytes[0] & 0xf0) == 0xe0;
}
bool GlobalUnicast(const IpAddress& ip) {
  const bool broadcast = !ip.v6 && ip.bytes[0] == 255 && ip.bytes[1] == 255 &&
                         ip.bytes[2] == 255 && ip.bytes[3] == 255;
  return !broadcast && ip.bytes != std::array<uint8_t, 16>{} && !Loopback(ip) && !Multicast(ip) &&
         !LinkLocalUnicast(ip);
}

template <bool (*test)(const IpAddress&)>
Value TestIp(Args a) {
  return Value::Bool(test(AddressIn(a[0])));
}

bool CoversAddress(const Cidr& prefix, const IpAddress& address) {
  if (prefix.address.v6 != address.v6) return false;
  const Cidr same{.address = address, .prefix_length = prefix.prefix_length};
  const Cidr ours{.address = prefix.address, .prefix_length = prefix.prefix_length};
  return same.Network() == ours.Network();
}

Value ContainsIp(Args a) {
  return Value::Bool(CoversAddress(PrefixIn(a[0]), AddressIn(a[1])));
}
Value ContainsIpText(Args a) {
  const Value ip = IpOf(a.subspan(1));
  if (ip.IsError()) return Value::NoSuchOverload();
  return Value::Bool(CoversAddress(PrefixIn(a[0]), AddressIn(ip)));
}
bool CoversPrefix(const Cidr& outer, const Cidr& inner) {
  return outer.prefix_length <= inner.prefix_length && CoversAddress(outer, inner.address);
}
Value ContainsCidr(Args a) {
  return Value::Bool(CoversPrefix(PrefixIn(a[0]), PrefixIn(a[1])));
}
Value ContainsCidrText(Args a) {
  const Value cidr = CidrOf(a.subspan(1));
  return cidr.IsError() ? cidr : Value::Bool(CoversPrefix(PrefixIn(a[0]), PrefixIn(cidr)));
}
Value AddressOfCidr(Args a) {
  return MakeIp(PrefixIn(a[0]).address);
}
Value PrefixLength(Args a) {
  return Value::Int(PrefixIn(a[0]).prefix_length);
}
Value Masked(Args a) {
  const Cidr& prefix = PrefixIn(a[0]);
  return MakeCidr({.address = prefix.Network(), .prefix_length = prefix.prefix_length});
}

constexpr std::array kAddresses = {
    Declaration{"ip", "(string) -> net.IP", IpOf, CostRule::kTraverse},
    Declaration{"isIP", "(string) -> bool", IsIp, CostRule::kTraverse},
    Declaration{"ip.isCanonical", "(string) -> bool", IsCanonicalIp, CostRule::kTraverseTwice},
    Declaration{"string", "(net.IP) -> string", TextOfOpaque},
    Declaration{"family", "net.IP.() -> int", Family},
    Declaration{"isUnspecified", "net.IP.() -> bool", IsUnspecified},
    Declaration{"isLoopback", "net.IP.() -> bool", TestIp<Loopback>},
    Declaration{"isLinkLocalMulticast", "net.IP.() -> bool", TestIp<LinkLocalMulticast>},
    Declaration{"isLinkLocalUnicast", "net.IP.() -> bool", TestIp<LinkLocalUnicast>},
    Declaration{"isGlobalUnicast", "net.IP.() -> bool", TestIp<GlobalUnicast>},
    Declaration{"cidr", "(string) -> net.CIDR", CidrOf, CostRule::kTraverse},
    Declaration{"isCIDR", "(string) -> bool", IsCidr, CostRule::kTraverse},
    Declaration{"string", "(net.CIDR) -> string", TextOfOpaque},
    Declaration{"containsIP", "net.CIDR.(net.IP) -> bool", ContainsIp, CostRule::kContainsIp},
    Declaration{"containsIP", "net.CIDR.(string) -> bool", ContainsIpText, CostRule::kContainsIp},
    Declaration{"containsCIDR", "net.CIDR.(net.CIDR) -> bool", ContainsCidr,
                CostRule::kContainsCidr},
    Declaration{"containsCIDR", "net.CIDR.(string) -> bool", ContainsCidrText,
                CostRule::kContainsCidr},
    Declaration{"ip", "net.CIDR.() -> net.IP", AddressOfCidr},
    Declaration{"prefixLength", "net.CIDR.() -> int", PrefixLength},
    Declaration{"masked", "net.CIDR.() -> net.CIDR", Masked}};

}  // namespace

uint64_t AddressSize(const Value& value) {
  constexpr int kByteBits = 8;
  if (const auto* ip = value.OpaqueAs<IpValue>()) return ip->address.bit_count() / kByteBits;
  const auto* cidr = value.OpaqueAs<CidrValue>();
  if (cidr == nullptr) return 1;
  return static_cast<uint64_t>((cidr->prefix.prefix_length + kByteBits - 1) / kByteBits);
}

void AddAddressFunctions(FunctionTable& table) {
  table.Add(kAddresses);
  table.AddType("net.IP", types::Opaque("net.IP"));
  table.AddType("net.CIDR", types::Opaque("net.CIDR"));
}

}  // namespace skiff::cel
