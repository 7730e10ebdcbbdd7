#include "proxy/ingress/route_keys.h"

#include <algorithm>
#include <optional>

#include "api/rules/names.h"
#include "base/text.h"

namespace skiff::ingress {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";
constexpr std::string_view kEncodedSlash = "%2F";

std::optional<int> HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (const char lower = Lower(c); lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

// Unset when a percent sign is followed by anything but two digits.
std::optional<std::string> PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto high = HexValue(text[i + 1]);
    const auto low = HexValue(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

std::string PlainPath(std::string_view path) {
  return PercentDecoded(path).value_or(std::string(path));
}

}  // namespace

std::string EncodedPath(std::string_view path) {
  const std::string plain = PlainPath(path);
  std::string encoded;
  for (const char c : plain) {
    if (IsAlnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
      continue;
    }
    if (c == '/' && encoded.ends_with(kEncodedSlash)) continue;
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHexDigits[byte >> 4];
    encoded += kHexDigits[byte & 15];
  }
  return encoded;
}

std::string ExactKey(std::string_view host, std::string_view path) {
  return std::string(host) + EncodedPath(path.empty() ? "/" : path);
}

std::string PrefixKey(std::string_view host, std::string_view path) {
  std::string key = EncodedPath(path);
  while (key.ends_with(kEncodedSlash)) key.resize(key.size() - kEncodedSlash.size());
  return std::string(host) + key + std::string(kEncodedSlash);
}

bool HasDots(std::string_view path) {
  constexpr std::string_view kBefore = "/\\", kAfter("/\\;\0", 4);
  const std::string plain = PlainPath(path);
  for (size_t at = plain.find_first_of(kBefore); at != plain.npos;
       at = plain.find_first_of(kBefore, at + 1)) {
    const size_t end = std::min(plain.find_first_not_of('.', at + 1), plain.size());
    const size_t count = end - at - 1;
    const bool is_end = end == plain.size() || kAfter.find(plain[end]) != kAfter.npos;
    if (is_end && (count == 1 || count == 2)) return true;
  }
  return false;
}

bool IsRouteHost(std::string_view host) {
  return host.starts_with("*.") ? WildcardDns1123SubdomainErrors(host).empty()
                                : Dns1123SubdomainErrors(host).empty();
}

}  // namespace skiff::ingress
