#include "client/server_url.h"

#include <fmt/format.h>

#include <cstdlib>

namespace skiff {

std::string ServerUrl::HostPort() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return fmt::format("{}:{}", is_ipv6 ? "[" + host + "]" : host, port);
}

Result<ServerUrl> ParseServerUrl(const std::string& text) {
  ServerUrl url;
  std::string rest = text;
  if (text.starts_with("https://")) {
    rest = text.substr(8);
  } else if (text.starts_with("http://")) {
    rest = text.substr(7);
    url.tls = false;
    url.port = 80;
  }
  const size_t slash = rest.find('/');
  if (slash != std::string::npos) {
    url.path_prefix = rest.substr(slash);
    while (url.path_prefix.ends_with('/')) url.path_prefix.pop_back();
    rest.resize(slash);
  }
  url.authority = rest;
  size_t colon = rest.rfind(':');
  if (rest.starts_with('[')) {
    const size_t bracket = rest.find(']');
    if (bracket == std::string::npos) return Fail(Reason::kInvalid, "bad server URL: " + text);
    url.host = rest.substr(1, bracket - 1);
    colon = rest.find(':', bracket);
  } else {
    url.host = rest.substr(0, colon);
  }
  if (colon != std::string::npos) {
    char* end = nullptr;
    const std::string port = rest.substr(colon + 1);
    url.port = static_cast<int>(std::strtol(port.c_str(), &end, 10));
    if (*end || port.empty() || url.port < 1 || url.port > 65535) {
      return Fail(Reason::kInvalid, "bad port in server URL: " + text);
    }
  }
  if (url.host.empty()) return Fail(Reason::kInvalid, "bad server URL: " + text);
  return url;
}

}  // namespace skiff
