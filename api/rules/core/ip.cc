#include "api/rules/core/ip.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/violations.h"

namespace skiff {
namespace {

constexpr std::string_view kBadIp = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
constexpr std::string_view kBadCidr =
    "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

// A number of at most `digits_max` digits, all of `text`.
std::optional<uint32_t> ParseNumber(std::string_view text, int base, size_t digits_max) {
  uint32_t value = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || text.size() > digits_max || text[0] == '-') return std::nullopt;
  const auto [at, code] = std::from_chars(text.data(), end, value, base);
  if (code != std::errc() || at != end) return std::nullopt;
  return value;
}

// The last digit stays.
std::string_view WithoutLeadingZeros(std::string_view number) {
  const size_t zeros = std::min(number.find_first_not_of('0'), number.size());
  return number.substr(zeros == number.size() && zeros > 0 ? zeros - 1 : zeros);
}

bool HasLeadingZero(std::string_view octet) {
  return octet.size() > 1 && octet[0] == '0';
}

// Four decimal octets; leading zeros do not make them octal.
std::optional<std::array<uint8_t, 4>> ParseIpv4(std::string_view text) {
  std::array<uint8_t, 4> bytes{};
  for (size_t i = 0; i < 4; ++i) {
    const size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const auto octet = text.substr(0, dot);
    const auto value = ParseNumber(WithoutLeadingZeros(octet), 10, 3);
    if (!value || *value > 255) return std::nullopt;
    bytes[i] = static_cast<uint8_t>(*value);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return bytes;
}

// The groups on one side of "::", in network order; an IPv4 address may stand last.
std::optional<std::vector<uint8_t>> ParseGroups(std::string_view text, bool ipv4_allowed) {
  std::vector<uint8_t> bytes;
  while (!text.empty()) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      const auto ipv4 = ParseIpv4(group);
      if (!ipv4_allowed || !ipv4) return std::nullopt;
      bytes.insert(bytes.end(), ipv4->begin(), ipv4->end());
      return bytes;
    }
    const auto value = ParseNumber(WithoutLeadingZeros(group), 16, 4);
    if (!value) return std::nullopt;
    bytes.push_back(static_cast<uint8_t>(*value >> 8));
    bytes.push_back(static_cast<uint8_t>(*value));
    if (bytes.size() > 16) return std::nullopt;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return bytes;
}

std::optional<std::array<uint8_t, 16>> ParseIpv6(std::string_view text) {
  std::array<uint8_t, 16> bytes{};
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto all = ParseGroups(text, true);
    if (!all || all->size() != 16) return std::nullopt;
    std::copy(all->begin(), all->end(), bytes.begin());
    return bytes;
  }
  const auto head = ParseGroups(text.substr(0, gap), false);
  const auto tail = ParseGroups(text.substr(gap + 2), true);
  if (!head || !tail || head->size() + tail->size() > 14) return std::nullopt;
  std::copy(head->begin(), head->end(), bytes.begin());
  std::copy_backward(tail->begin(), tail->end(), bytes.end());
  return bytes;
}

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// Written as IPv6, but an IPv4 address all the same.
bool IsMapped(std::string_view text, const IpAddress& address) {
  return !address.v6 && text.find(':') != std::string_view::npos;
}

bool HasLeadingZeros(std::string_view text, const IpAddress& address) {
  if (address.v6 || text.find(':') != std::string_view::npos) return false;
  while (true) {
    const size_t dot = text.find('.');
    if (HasLeadingZero(text.substr(0, dot))) return true;
    if (dot == std::string_view::npos) return false;
    text.remove_prefix(dot + 1);
  }
}

std::string Ipv6Text(const std::array<uint8_t, 16>& bytes) {
  const auto group = [&](size_t i) { return bytes[2 * i] << 8 | bytes[2 * i + 1]; };
  size_t best = 8, best_length = 1;  // A lone zero group is not shortened.
  for (size_t i = 0; i < 8; ++i) {
    size_t length = 0;
    while (i + length < 8 && group(i + length) == 0) ++length;
    if (length > best_length) best = i, best_length = length;
  }
  std::string out;
  for (size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += fmt::format("{:x}", group(i));
  }
  return out;
}

}  // namespace

std::string IpAddress::Text() const {
  if (v6) return Ipv6Text(bytes);
  return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

std::string Cidr::Text() const {
  return fmt::format("{}/{}", address.Text(), prefix_length);
}

IpAddress Cidr::Network() const {
  IpAddress network = address;
  for (size_t bit = static_cast<size_t>(prefix_length); bit < address.bit_count(); ++bit) {
    network.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80 >> bit % 8));
  }
  return network;
}

bool Cidr::Contains(const IpAddress& other) const {
  return other.v6 == address.v6 && Cidr{other, prefix_length}.Network() == Network();
}

std::optional<IpAddress> ParseIp(std::string_view text) {
  IpAddress address;
  if (text.find(':') == std::string_view::npos) {
    const auto bytes = ParseIpv4(text);
    if (!bytes) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), address.bytes.begin());
    return address;
  }
  const auto bytes = ParseIpv6(text);
  if (!bytes) return std::nullopt;
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes->begin())) {
    std::copy(bytes->begin() + 12, bytes->end(), address.bytes.begin());
    return address;
  }
  address.v6 = true;
  address.bytes = *bytes;
  return address;
}

std::optional<Cidr> ParseCidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = ParseIp(text.substr(0, slash));
  const auto length = ParseNumber(WithoutLeadingZeros(text.substr(slash + 1)), 10, 3);
  if (!address || !length) return std::nullopt;
  const bool mapped = IsMapped(text, *address);
  if (*length > (mapped ? 128 : address->bit_count())) return std::nullopt;
  if (!mapped) return Cidr{*address, static_cast<int>(*length)};
  if (*length >= 96) return Cidr{*address, static_cast<int>(*length - 96)};
  // More than all of IPv4.
  IpAddress whole{.v6 = true};
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), whole.bytes.begin());
  std::copy_n(address->bytes.begin(), 4, whole.bytes.begin() + 12);
  return Cidr{whole, static_cast<int>(*length)};
}

std::vector<std::string> LegacyIpErrors(std::string_view value) {
  if (ParseIp(value)) return {};
  return {std::string(kBadIp)};
}

std::vector<std::string> StrictIpErrors(std::string_view value) {
  const auto address = ParseIp(value);
  if (!address) return {std::string(kBadIp)};
  if (HasLeadingZeros(value, *address)) return {"must not have leading 0s"};
  if (IsMapped(value, *address)) return {"must not be an IPv4-mapped IPv6 address"};
  if (address->Text() == value) return {};
  return {fmt::format("must be in canonical form (\"{}\")", address->Text())};
}

std::vector<std::string> LegacyCidrErrors(std::string_view value) {
  if (ParseCidr(value)) return {};
  return {std::string(kBadCidr)};
}

std::vector<std::string> StrictCidrErrors(std::string_view value) {
  const auto cidr = ParseCidr(value);
  if (!cidr) return {std::string(kBadCidr)};
  const size_t slash = value.find('/');
  const std::string_view address = value.substr(0, slash);
  if (HasLeadingZeros(address, cidr->address) || HasLeadingZero(value.substr(slash + 1))) {
    return {"must not have leading 0s in IP or prefix length"};
  }
  if (IsMapped(address, *ParseIp(address))) return {"must not have an IPv4-mapped IPv6 address"};
  if (cidr->Network() != cidr->address) return {"must not have bits set beyond the prefix length"};
  if (cidr->Text() == value) return {};
  return {fmt::format("must be in canonical form (\"{}\")", cidr->Text())};
}

std::vector<std::string> InterfaceAddressErrors(std::string_view value) {
  const auto cidr = ParseCidr(value);
  if (!cidr) return {"must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"};
  if (cidr->Text() == value) return {};
  return {fmt::format("must be in canonical form (\"{}\")", cidr->Text())};
}

void ValidateEndpointIp(std::string_view value, const FieldPath& path, Violations& out) {
  const auto address = ParseIp(value);
  if (!address) return;
  const auto in = [&](std::string_view cidr) { return ParseCidr(cidr)->Contains(*address); };
  const auto is = [&](std::string_view ip) { return ParseIp(ip) == address; };
  if (is("0.0.0.0") || is("::")) {
    out.Invalid(path, value, fmt::format("may not be unspecified ({})", value));
  }
  if (in("127.0.0.0/8") || in("::1/128")) {
    out.Invalid(path, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  }
  if (in("169.254.0.0/16") || in("fe80::/10")) {
    out.Invalid(path, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  }
  if (in("224.0.0.0/24") || in("ff02::/16")) {
    out.Invalid(path, value,
                "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
}

bool IsGlobalUnicast(const IpAddress& address) {
  static constexpr std::string_view kOthers[] = {
      "0.0.0.0/32", "255.255.255.255/32", "127.0.0.0/8", "224.0.0.0/4", "169.254.0.0/16",
      "::/127",     "fe80::/10",          "ff00::/8"};
  return std::none_of(std::begin(kOthers), std::end(kOthers),
                      [&](std::string_view block) { return ParseCidr(block)->Contains(address); });
}

std::vector<std::string> LegacyIpWarnings(const FieldPath& path, std::string_view value) {
  const auto address = ParseIp(value);
  if (!address || address->Text() == value) return {};
  if (!address->v6) {
    return {
        fmt::format("{}: non-standard IP address \"{}\" will be considered invalid in a "
                    "future Kubernetes release: use \"{}\"",
                    path.Text(), value, address->Text())};
  }
  return {fmt::format("{}: IPv6 address \"{}\" should be in RFC 5952 canonical format (\"{}\")",
                      path.Text(), value, address->Text())};
}

std::vector<std::string> LegacyCidrWarnings(const FieldPath& path, std::string_view value) {
  const auto cidr = ParseCidr(value);
  if (!cidr) return {};
  std::vector<std::string> out;
  const Cidr network{cidr->Network(), cidr->prefix_length};
  if (network.address != cidr->address) {
    out.push_back(fmt::format(
        "{}: CIDR value \"{}\" is ambiguous in this context (should be \"{}\" or \"{}/{}\"?)",
        path.Text(), value, network.Text(), cidr->address.Text(), cidr->address.bit_count()));
  }
  const size_t slash = value.find('/');
  const std::string_view address = value.substr(0, slash);
  if (HasLeadingZeros(address, cidr->address) || HasLeadingZero(value.substr(slash + 1)) ||
      IsMapped(address, *ParseIp(address))) {
    out.push_back(
        fmt::format("{}: non-standard CIDR value \"{}\" will be considered invalid in a "
                    "future Kubernetes release: use \"{}\"",
                    path.Text(), value, network.Text()));
  }
  if (out.empty() && cidr->address.v6 && network.Text() != value) {
    out.push_back(
        fmt::format("{}: IPv6 CIDR value \"{}\" should be in RFC 5952 canonical format (\"{}\")",
                    path.Text(), value, network.Text()));
  }
  return out;
}

}  // namespace skiff
