// Where a server is, as kubeconfigs and flags say it.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff {

struct ServerUrl {
  bool tls = true;
  std::string host;  // Without brackets.
  int port = 443;
  std::string authority;    // The host, and the port where one is given, as written.
  std::string path_prefix;  // "" or "/path", without a slash behind.

  // "host:port", brackets included.
  std::string HostPort() const;
};

// "https://10.0.0.1:6443/path"; what has no scheme is https. Invalid, saying what is wrong.
Result<ServerUrl> ParseServerUrl(const std::string& text);

}  // namespace skiff
