// Bearer tokens of clients that cannot set headers, as browsers: one of the subprotocols that a
// WebSocket request offers holds it.
//
//   Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.<token>, v4.channel.k8s.io
//
// At least one other protocol has to be offered, since the one with the token is not answered.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "http/message.h"

namespace skiff {

// nullopt where there is none, and for what is no WebSocket request. Unauthorized when it is given
// in a wrong way.
Result<std::optional<std::string>> TokenInProtocols(const http::Request& request);
// The request without that protocol, for all who come after authentication; nullopt when it has
// none.
std::optional<http::Request> WithoutTokenProtocol(const http::Request& request);

}  // namespace skiff
