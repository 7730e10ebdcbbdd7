#include "kubelet/streaming/kubelet_paths.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "kubelet/streaming/kubelet_request.h"

namespace skiff::kubelet {
namespace {

constexpr std::string_view kDebugFlags = "/debug/flags/v";
// Go's profiles, which there are none of.
constexpr std::string_view kProfiles = "/debug/pprof/";
constexpr size_t kAnyDepth = SIZE_MAX;

// Served at these very paths, whatever the method.
constexpr std::array<std::string_view, 11> kExact = {
    "/healthz",          "/healthz/ping",   "/healthz/log",  "/healthz/syncloop",
    "/configz",          "/metrics",        "/metrics/slis", "/metrics/cadvisor",
    "/metrics/resource", "/metrics/probes", kDebugFlags};

// What is below a word.
struct Service {
  std::string_view root;  // With a slash at its end: without it one is sent there.
  size_t parts_min, parts_max;  // Of a path that means something, the root counted.
  std::string_view methods;
};
constexpr std::array<Service, 11> kServices = {{{"/pods", 1, 1, "GET"},
                                                {"/run", 4, 5, "POST"},
                                                {"/exec", 4, 5, "GET POST"},
                                                {"/attach", 4, 5, "GET POST"},
                                                {"/portForward", 3, 4, "GET POST"},
                                                {"/containerLogs", 4, 4, "GET"},
                                                {"/stats/", 2, 2, "GET POST"},
                                                {"/runningpods/", 1, 1, "GET"},
                                                {"/checkpoint/", 4, 4, "POST"},
                                                {"/logs/", 1, kAnyDepth, "GET"},
                                                {kProfiles, 2, kAnyDepth, "GET"}}};

bool IsExact(std::string_view path) {
  return std::find(kExact.begin(), kExact.end(), path) != kExact.end();
}

bool IsOf(const Service& service, std::string_view path) {
  if (service.root.back() == '/') return path.starts_with(service.root);
  return path == service.root ||
         (path.starts_with(service.root) && path[service.root.size()] == '/');
}

const Service* ServiceAt(std::string_view path) {
  const auto found = std::find_if(kServices.begin(), kServices.end(),
                                  [&](const Service& each) { return IsOf(each, path); });
  return found == kServices.end() ? nullptr : &*found;
}

// What is there only while debugging is, with nothing in its place when it is not.
bool IsOfDebugging(std::string_view path) {
  return path == "/configz" || path == kDebugFlags || path.starts_with("/checkpoint");
}

// As Go's http.Error writes it.
http::Response Disabled(const std::string& text) {
  http::Response response = PlainAnswer(405, text + "\n");
  response.SetHeader("X-Content-Type-Options", "nosniff");
  return response;
}

std::optional<http::Response> RefuseTurnedOff(std::string_view path, const ServedPaths& served) {
  const bool is_logs = path.starts_with("/logs/");
  const bool is_profile = path.starts_with(kProfiles);
  const Service* service = ServiceAt(path);
  const bool is_asked = service != nullptr && service->root != "/pods" &&
                        service->root != "/stats/" && !IsOfDebugging(path);
  if (!served.debugging && is_asked) return Disabled("Debug endpoints are disabled.");
  if (is_logs && !served.system_logs) return Disabled("logs endpoint is disabled.");
  if (is_profile) return Disabled("profiling endpoint is disabled.");
  if (path == kDebugFlags && !served.debug_flags) return Disabled("flags endpoint is disabled.");
  return std::nullopt;
}

}  // namespace

std::optional<http::Response> RefuseUnserved(const http::Request& request,
                                             const ServedPaths& served) {
  const std::string& path = request.path;
  const bool is_there = IsExact(path) || ServiceAt(path) != nullptr;
  const bool is_off = !served.debugging && IsOfDebugging(path);
  if (is_there && !is_off) return std::nullopt;
  if (is_off || ServiceAt(path + "/") == nullptr) {
    return PlainAnswer(404, "404 page not found\n");
  }
  http::Response response;
  response.status = 307;
  response.SetHeader("Location", path + "/");
  if (request.method == "GET") {
    response.content_type = "text/html; charset=utf-8";
    response.body = "<a href=\"" + path + "/\">Temporary Redirect</a>.\n\n";
  }
  return response;
}

std::optional<http::Response> RefuseMethod(const http::Request& request,
                                           const ServedPaths& served) {
  if (auto off = RefuseTurnedOff(request.path, served)) return off;
  const Service* service = ServiceAt(request.path);
  if (service == nullptr) return std::nullopt;
  const auto parts = PathParts(request.path);
  const bool is_form = parts.size() >= service->parts_min && parts.size() <= service->parts_max &&
                       (parts[0] != "stats" || parts[1] == "summary");
  if (!is_form) return PlainAnswer(404, "404: Page Not Found");
  const bool is_taken = (" " + std::string(service->methods) + " ")
                            .find(" " + request.method + " ") != std::string::npos;
  if (!is_taken) return PlainAnswer(405, "405: Method Not Allowed");
  return std::nullopt;
}

RequestClass ClassOf(const http::Request& request) {
  constexpr std::array<std::string_view, 8> kMethods = {"OPTIONS", "GET",    "HEAD",  "POST",
                                                        "PUT",     "DELETE", "TRACE", "CONNECT"};
  RequestClass of{"other", "other", false};
  if (std::find(kMethods.begin(), kMethods.end(), request.method) != kMethods.end()) {
    of.method = request.method;
  }
  if (!IsExact(request.path) && ServiceAt(request.path) == nullptr) return of;
  const auto parts = PathParts(request.path);
  of.path = parts[0];
  if (parts[0] == "metrics" && parts.size() > 1) of.path += "/" + parts[1];
  of.is_long_running = of.path == "exec" || of.path == "attach";
  return of;
}

}  // namespace skiff::kubelet
