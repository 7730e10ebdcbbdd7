#include "api/rules/core/image_reference.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace skiff {
namespace {

constexpr size_t kTagBytesMax = 128;
constexpr size_t kRepositoryBytesMax = 255;
constexpr size_t kHexDigestMin = 32;

bool IsHex(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Lower-case letters and digits, separated by one of: "." "_" "__" or hyphens.
bool IsPathComponent(std::string_view text) {
  const auto word = [](char c) { return IsDigit(c) || IsLower(c); };
  if (text.empty() || !word(text.front()) || !word(text.back())) return false;
  for (size_t i = 0; i < text.size();) {
    if (word(text[i])) {
      ++i;
      continue;
    }
    const size_t end = std::min(text.find_first_not_of(text[i], i), text.size());
    const size_t count = end - i;
    const bool valid =
        text[i] == '-' || (text[i] == '_' && count <= 2) || (text[i] == '.' && count == 1);
    if (!valid || !word(text[end])) return false;
    i = end;
  }
  return true;
}

bool IsDomainComponent(std::string_view text) {
  return !text.empty() && IsAlnum(text.front()) && IsAlnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return IsAlnum(c) || c == '-'; });
}

// A host name or address with an optional port.
bool IsDomain(std::string_view text) {
  std::string_view host = text;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    host = text.substr(0, close);
    const bool address =
        std::ranges::all_of(host.substr(1), [](char c) { return IsHex(c) || c == ':'; });
    if (!address) return false;
    text = text.substr(close + 1);
    if (text.empty()) return true;
    return text.front() == ':' && text.size() > 1 && std::ranges::all_of(text.substr(1), IsDigit);
  }
  if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    if (port.empty() || !std::ranges::all_of(port, IsDigit)) return false;
    host = text.substr(0, colon);
  }
  for (size_t begin = 0; begin <= host.size();) {
    const size_t end = std::min(host.find('.', begin), host.size());
    if (!IsDomainComponent(host.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

// The first part is a domain only when it looks like one; else the image is Docker Hub's.
bool LooksLikeDomain(std::string_view part) {
  return part == "localhost" || part.find_first_of(".:") != std::string_view::npos ||
         std::ranges::any_of(part, IsUpper);
}

bool IsRepository(std::string_view name) {
  if (name.size() > kRepositoryBytesMax) return false;
  if (name.size() == 64 &&
      std::ranges::all_of(name, [](char c) { return IsHex(c) && !IsUpper(c); })) {
    return false;  // An image id, not a name.
  }
  if (const size_t slash = name.find('/'); slash != std::string_view::npos) {
    const std::string_view first = name.substr(0, slash);
    if (LooksLikeDomain(first)) {
      if (!IsDomain(first)) return false;
      name = name.substr(slash + 1);
    }
  }
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    if (!IsPathComponent(name.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

bool IsTag(std::string_view tag) {
  const auto word = [](char c) { return IsAlnum(c) || c == '_'; };
  return !tag.empty() && tag.size() <= kTagBytesMax && word(tag.front()) &&
         std::ranges::all_of(tag, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

bool IsDigest(std::string_view digest) {
  const size_t colon = digest.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  const std::string_view hex = digest.substr(colon + 1);
  return hex.size() >= kHexDigestMin && std::ranges::all_of(hex, IsHex) &&
         std::ranges::all_of(digest.substr(0, colon), [](char c) {
           return IsAlnum(c) || c == '+' || c == '.' || c == '-' || c == '_';
         });
}

// nullopt: it is no name of an image.
std::optional<std::string> TagOf(std::string_view name) {
  bool has_digest = false;
  if (const size_t at = name.find('@'); at != std::string_view::npos) {
    if (!IsDigest(name.substr(at + 1))) return std::nullopt;
    has_digest = true;
    name = name.substr(0, at);
  }
  std::string tag = has_digest ? "" : "latest";
  const size_t colon = name.rfind(':');
  const size_t slash = name.rfind('/');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    tag = name.substr(colon + 1);
    if (!IsTag(tag)) return std::nullopt;
    name = name.substr(0, colon);
  }
  if (!IsRepository(name)) return std::nullopt;
  return tag;
}

}  // namespace

bool IsImageName(std::string_view image) {
  return TagOf(image).has_value();
}

std::string ImageTag(std::string_view image) {
  return TagOf(image).value_or("");
}

}  // namespace skiff
