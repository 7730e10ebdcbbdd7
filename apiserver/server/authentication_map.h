// kube-system/extension-apiserver-authentication: by which client certificates, and in which
// headers, servers behind this one are told who asks. All servers of a store write it: each adds
// the authorities it has to those of the others.
#pragma once

#include <string>

#include "api/values.h"
#include "apiserver/auth/front_proxy.h"
#include "base/clock.h"

namespace skiff {

inline constexpr const char* kAuthenticationMap = "extension-apiserver-authentication";

// What the map says for a server with these authorities, "" where it has none. Nothing of the files
// but certificates, and none that is over.
Json AuthenticationData(const std::string& client_ca_pem, const FrontProxyOptions& front_proxy,
                        TimePoint now);

// Brings the document of a map up to `wanted`, of AuthenticationData. Certificates that are over
// go, and so does what is no certificate. One that would be too big for a ConfigMap is begun anew:
// others put back what is theirs. False when there was nothing to do.
bool MergeAuthentication(const Json& wanted, TimePoint now, Json& document);

}  // namespace skiff
