#include "apiserver/aggregation/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "api/values.h"
#include "apiserver/auth/front_proxy.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr std::string_view kRemoteUser = "X-Remote-User";
constexpr std::string_view kRemoteUid = "X-Remote-Uid";
constexpr std::string_view kRemoteGroup = "X-Remote-Group";
constexpr std::string_view kRemoteExtra = "X-Remote-Extra-";

bool IsHeaderByte(char c) {
  constexpr std::string_view kMarks = "!#$&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

std::string EscapedKey(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (IsHeaderByte(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<> AddIdentity(std::string name, const std::string& value, http::Headers& headers) {
  const bool is_clean = std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
  // Blanks at its ends are no part of a field, to whoever reads it: "system:masters " would arrive
  // as somebody else.
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  const bool is_bare = value.empty() || !(is_blank(value.front()) || is_blank(value.back()));
  if (!is_clean || !is_bare) {
    return Fail(Reason::kServiceUnavailable,
                "net/http: invalid header field value for " + Quoted(name));
  }
  headers.emplace(std::move(name), value);
  return {};
}

}  // namespace

Result<> SetIdentity(const User& user, http::Headers& headers) {
  RemoveIdentity({}, headers);
  TRY(AddIdentity(std::string(kRemoteUser), user.name, headers));
  if (!user.uid.empty()) TRY(AddIdentity(std::string(kRemoteUid), user.uid, headers));
  for (const std::string& group : user.groups) {
    TRY(AddIdentity(std::string(kRemoteGroup), group, headers));
  }
  for (const auto& [key, values] : user.extra) {
    for (const std::string& value : values) {
      TRY(AddIdentity(std::string(kRemoteExtra) + EscapedKey(key), value, headers));
    }
  }
  return {};
}

User AggregatorUser() {
  return {.name = "system:kube-aggregator", .groups = {std::string(kGroupMasters)}};
}

User OpenApiAggregatorUser() {
  return {.name = "system:aggregator"};
}

}  // namespace skiff
