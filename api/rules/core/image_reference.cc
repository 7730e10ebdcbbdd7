#include "api/rules/core/image_reference.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace skiff {
namespace {

constexpr size_t kPathBytesMax = 255;
constexpr size_t kTagBytesMax = 128;

bool IsLowerAlnum(char c) {
  return IsLower(c) || IsDigit(c);
}

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

template <typename Test>
bool All(std::string_view text, Test test) {
  return !text.empty() && std::all_of(text.begin(), text.end(), test);
}

// Lower case words, joined by ".", "_", "__" or any number of "-".
bool IsComponent(std::string_view text) {
  size_t at = 0;
  while (true) {
    const size_t word = at;
    while (at < text.size() && IsLowerAlnum(text[at])) ++at;
    if (at == word) return false;
    if (at == text.size()) return true;
    const char separator = text[at];
    if (separator == '-') {
      while (at < text.size() && text[at] == '-') ++at;
    } else if (separator == '_') {
      at += text.substr(at, 2) == "__" ? 2 : 1;
    } else if (separator == '.') {
      ++at;
    } else {
      return false;
    }
  }
}

bool IsPath(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    if (!IsComponent(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool IsHost(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    return All(host.substr(1, host.size() - 2),
               [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) || c == ':'; });
  }
  while (true) {
    const size_t dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    if (!All(label, [](char c) { return IsAlnum(c) || c == '-'; })) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

bool IsDomain(std::string_view domain) {
  const size_t colon = domain.rfind(':');
  const bool has_port = colon != std::string_view::npos && !domain.ends_with(']');
  if (!has_port) return IsHost(domain);
  return IsHost(domain.substr(0, colon)) &&
         All(domain.substr(colon + 1), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsTag(std::string_view tag) {
  const auto word = [](char c) { return IsAlnum(c) || c == '_'; };
  return tag.size() <= kTagBytesMax && !tag.empty() && word(tag.front()) &&
         All(tag, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

Result<> CheckDigest(std::string_view digest) {
  const size_t colon = digest.find(':');
  const std::string_view algorithm = digest.substr(0, colon);
  const std::string_view hex = digest.substr(std::min(digest.size(), algorithm.size() + 1));
  const bool has_form =
      All(algorithm,
          [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '+' || c == '.'; }) &&
      !std::isdigit(static_cast<unsigned char>(algorithm.front())) && hex.size() >= 32 &&
      All(hex, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)); });
  if (!has_form) return Fail(Reason::kInvalid, "invalid reference format");
  const size_t length = algorithm == "sha256"   ? 64
                        : algorithm == "sha384" ? 96
                        : algorithm == "sha512" ? 128
                                                : 0;
  if (length == 0) return Fail(Reason::kInvalid, "unsupported digest algorithm");
  if (hex.size() != length) return Fail(Reason::kInvalid, "invalid checksum digest length");
  if (!All(hex, IsHex)) return Fail(Reason::kInvalid, "invalid checksum digest format");
  return {};
}

bool HasUpper(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

struct Split {
  std::string domain;
  std::string rest;  // Path, tag and digest.
};

Split SplitDomain(std::string_view text) {
  Split split{"docker.io", std::string(text)};
  const size_t slash = text.find('/');
  const std::string_view first = text.substr(0, slash);
  if (slash != std::string_view::npos &&
      (first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
       HasUpper(first))) {
    split = {std::string(first == "index.docker.io" ? "docker.io" : first),
             std::string(text.substr(slash + 1))};
  }
  if (split.domain == "docker.io" && split.rest.find('/') == std::string::npos) {
    split.rest.insert(0, "library/");
  }
  return split;
}

}  // namespace

std::string ImageName::Text() const {
  // With both, the digest decides, and the tag is not part of the name.
  return digest.empty() ? repository + ":" + tag : repository + "@" + digest;
}

Result<ImageName> ParseImageName(std::string_view text) {
  const auto invalid = Fail(Reason::kInvalid, "invalid reference format");
  if (text.size() == 64 && All(text, IsHex)) {
    return Fail(Reason::kInvalid, "invalid repository name (" + std::string(text) +
                                      "), cannot specify 64-byte hexadecimal strings");
  }
  const Split split = SplitDomain(text);
  const std::string_view rest = split.rest;
  const std::string_view remote = rest.substr(0, rest.find(':'));
  if (HasUpper(remote)) {
    return Fail(Reason::kInvalid, "invalid reference format: repository name (" +
                                      std::string(remote) + ") must be lowercase");
  }
  const size_t at = rest.find('@');
  const std::string_view path_and_tag = rest.substr(0, at);
  const size_t colon = path_and_tag.find(':');
  const std::string_view path = path_and_tag.substr(0, colon);
  if (!IsDomain(split.domain) || !IsPath(path)) return invalid;
  ImageName name{.repository = split.domain + "/" + std::string(path)};
  if (colon != std::string_view::npos) {
    name.tag = path_and_tag.substr(colon + 1);
    if (!IsTag(name.tag)) return invalid;
  }
  if (at != std::string_view::npos) {
    name.digest = rest.substr(at + 1);
    TRY(CheckDigest(name.digest));
  }
  if (path.size() > kPathBytesMax) {
    return Fail(Reason::kInvalid, "repository name must not be more than 255 characters");
  }
  if (name.tag.empty() && name.digest.empty()) name.tag = "latest";
  return name;
}

bool IsImageName(std::string_view image) {
  return ParseImageName(image).has_value();
}

std::string ImageTag(std::string_view image) {
  const auto name = ParseImageName(image);
  return name ? name->tag : "";
}

}  // namespace skiff
