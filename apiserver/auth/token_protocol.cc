#include "apiserver/auth/token_protocol.h"

#include "api/text/utf8.h"
#include "base/hash.h"
#include "http/websocket.h"

namespace skiff {
namespace {

constexpr std::string_view kPrefix = "base64url.bearer.authorization.k8s.io.";
constexpr const char* kHeader = "Sec-WebSocket-Protocol";

}  // namespace

Result<std::optional<std::string>> TokenInProtocols(const http::Request& request) {
  if (!http::IsWebSocket(request)) return std::nullopt;
  std::optional<std::string> token;
  bool others = false;
  for (const std::string& protocol : http::OfferedSubprotocols(request)) {
    if (!protocol.starts_with(kPrefix)) {
      others = true;
      continue;
    }
    if (token) {
      return Fail(Reason::kUnauthorized, "multiple base64.bearer.authorization tokens specified");
    }
    token = FromBase64Url(std::string_view(protocol).substr(kPrefix.size()));
    if (!token || !IsUtf8(*token)) {
      return Fail(Reason::kUnauthorized, "invalid base64.bearer.authorization token encoding");
    }
  }
  if (token && !others) return Fail(Reason::kUnauthorized, "missing additional subprotocol");
  if (token && token->empty()) return std::nullopt;
  return token;
}

std::optional<http::Request> WithoutTokenProtocol(const http::Request& request) {
  std::string rest;
  bool found = false;
  for (const std::string& protocol : http::OfferedSubprotocols(request)) {
    if (protocol.starts_with(kPrefix)) {
      found = true;
    } else {
      rest += (rest.empty() ? "" : ", ") + protocol;
    }
  }
  if (!found) return std::nullopt;
  http::Request bare = request;
  bare.headers.erase(kHeader);
  if (!rest.empty()) bare.headers.emplace(kHeader, std::move(rest));
  return bare;
}

}  // namespace skiff
