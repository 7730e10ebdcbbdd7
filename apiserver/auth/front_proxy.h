// Users that a proxy in front of the server has authenticated, and names in headers
// (--requestheader-*). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apiserver/auth/user.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

struct FrontProxyOptions {
  std::string client_ca_pem = {};  // "": there is none.
  std::vector<std::string> allowed_names = {};  // Empty: any.
  std::vector<std::string> username_headers = {};
  std::vector<std::string> uid_headers = {};
  std::vector<std::string> group_headers = {};
  std::vector<std::string> extra_header_prefixes = {};
};

// Whether a certificate of that common name may speak for others.
bool MayBeFrontProxy(const FrontProxyOptions& options, const std::string& common_name);
// nullopt: the headers name nobody.
std::optional<User> UserInHeaders(const FrontProxyOptions& options, const http::Request& request);
// Removes from headers that go on to somebody else what says who asks, whoever wrote it:
// credentials, and names that only this server may give. Those of the options are among them, as
// servers behind this one read there which headers to believe; and names with _ for -, which some
// of those cannot tell from them.
void RemoveIdentity(const FrontProxyOptions& options, http::Headers& headers);
// Removes what some servers cannot tell from the headers that say whence a request comes and what
// it asked for (X-Forwarded-*), as they take _ for -: whoever passes a request on writes those
// himself.
void RemoveForwardedLookalikes(http::Headers& headers);
// Header names carry extra keys percent-encoded, because not every key is a valid header name. A
// key that is not well encoded is taken as it is.
std::string UnescapeExtraKey(std::string_view text);
// Invalid, in Kubernetes' words, names the flag that is wrong.
Result<> CheckFrontProxy(const FrontProxyOptions& options);

}  // namespace skiff
