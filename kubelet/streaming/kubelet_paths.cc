#include "kubelet/streaming/kubelet_paths.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "kubelet/streaming/kubelet_request.h"

namespace skiff::kubelet {
namespace {

// Served at these very paths, whatever the method.
constexpr std::array<std::string_view, 10> kExact = {
    "/healthz", "/healthz/ping", "/healthz/log", "/healthz/syncloop", "/configz",
    "/metrics", "/metrics/slis", "/metrics/cadvisor", "/metrics/resource", "/metrics/probes"};

// What is below a word.
struct Service {
  std::string_view root;  // With a slash at its end: without it one is sent there.
  size_t parts_min, parts_max;  // Of a path that means something, the root counted.
  std::string_view methods;
};
constexpr std::array<Service, 9> kServices = {{{"/pods", 1, 1, "GET"},
                                               {"/run", 4, 5, "POST"},
                                               {"/exec", 4, 5, "GET POST"},
                                               {"/attach", 4, 5, "GET POST"},
                                               {"/portForward", 3, 4, "GET POST"},
                                               {"/containerLogs", 4, 4, "GET"},
                                               {"/stats/", 2, 2, "GET POST"},
                                               {"/runningpods/", 1, 1, "GET"},
                                               {"/checkpoint/", 4, 4, "POST"}}};

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

}  // namespace

std::optional<http::Response> RefuseUnserved(const http::Request& request) {
  const std::string& path = request.path;
  if (IsExact(path) || ServiceAt(path) != nullptr) return std::nullopt;
  if (ServiceAt(path + "/") == nullptr) return PlainAnswer(404, "404 page not found\n");
  http::Response response;
  response.status = 307;
  response.SetHeader("Location", path + "/");
  if (request.method == "GET") {
    response.content_type = "text/html; charset=utf-8";
    response.body = "<a href=\"" + path + "/\">Temporary Redirect</a>.\n\n";
  }
  return response;
}

std::optional<http::Response> RefuseMethod(const http::Request& request) {
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
