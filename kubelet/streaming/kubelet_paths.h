// The paths of the kubelet's server, and the methods that each takes. Pure.
#pragma once

#include <optional>
#include <string>

#include "http/message.h"

namespace skiff::kubelet {

// What the configuration turns off.
struct ServedPaths {
  bool debugging = true;  // Logs, commands, ports, and what is below.
  bool system_logs = true;
  bool debug_flags = true;
};

// 404 or 307, which anybody gets, of a path that nothing is served at.
std::optional<http::Response> RefuseUnserved(const http::Request& request,
                                             const ServedPaths& served);
// 404 or 405 for who may ask: it is turned off, there is nothing of that form, or it is not to be
// asked so.
std::optional<http::Response> RefuseMethod(const http::Request& request, const ServedPaths& served);

// How kubelet_http_requests_total counts a request.
struct RequestClass {
  std::string method;  // "GET", "other"
  std::string path;    // "metrics/probes", "exec", "other"
  bool is_long_running = false;
};
RequestClass ClassOf(const http::Request& request);

}  // namespace skiff::kubelet
