#include "apiserver/request_info.h"

#include <algorithm>
#include <cctype>

namespace skiff {
namespace {

std::vector<std::string> Split(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string VerbOf(std::string_view method) {
  if (method == "POST") return "create";
  if (method == "GET" || method == "HEAD") return "get";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return "";
}

bool IsPathSegment(std::string_view name) {
  return name != "." && name != ".." && name.find_first_of("/%") == std::string_view::npos;
}

// The value of metadata.name= in a field selector; "" when it asks for no single name.
std::string NameInSelector(std::string_view selector) {
  std::string found;
  while (!selector.empty()) {
    const size_t comma = selector.find(',');
    std::string_view term = selector.substr(0, comma);
    for (std::string_view prefix : {"metadata.name==", "metadata.name="}) {
      if (term.starts_with(prefix)) {
        found = std::string(term.substr(prefix.size()));
        break;
      }
    }
    if (comma == std::string_view::npos) break;
    selector.remove_prefix(comma + 1);
  }
  return IsPathSegment(found) ? found : "";
}

// Fills namespace, resource, name and subresource from what stands after the version.
void ParseResource(std::vector<std::string> parts, RequestInfo& info) {
  if (parts[0] == "namespaces" && parts.size() > 1) {
    info.namespace_name = parts[1];
    // A namespace's own subresources stand where a namespaced resource would.
    if (parts.size() > 2 && parts[2] != "status" && parts[2] != "finalize") {
      parts.erase(parts.begin(), parts.begin() + 2);
    }
  }
  info.resource = parts[0];
  if (parts.size() >= 2) info.name = parts[1];
  if (parts.size() >= 3 && info.verb != "proxy") info.subresource = parts[2];
  if (parts.size() > 3) info.rest.assign(parts.begin() + 3, parts.end());
}

}  // namespace

bool QueryIsTrue(std::string_view value) {
  return value != "0" && Lower(value) != "false";
}

RequestInfo ParseRequestInfo(const http::Request& request) {
  RequestInfo info;
  info.path = request.path;
  info.verb = Lower(request.method);
  std::vector<std::string> parts = Split(request.path);
  if (parts.size() < 3 || (parts[0] != "api" && parts[0] != "apis")) return info;
  info.prefix = parts[0];
  size_t at = 1;
  if (parts[0] == "apis") {
    if (parts.size() < 4) return info;
    info.group = parts[at++];
  }
  info.version = parts[at++];
  info.is_resource = true;
  info.verb = VerbOf(request.method);
  if (parts[at] == "watch" || parts[at] == "proxy") {
    info.verb = parts[at];
    info.legacy_watch = parts[at] == "watch";
    if (parts.size() < at + 2) {  // Nothing follows: it names no resource.
      info.is_resource = false;
      return info;
    }
    ++at;
  }
  ParseResource({parts.begin() + static_cast<long>(at), parts.end()}, info);
  if (info.name.empty() && (info.verb == "get" || info.verb == "watch")) {
    const auto watch = request.Query("watch");
    if (info.verb == "get") info.verb = watch && QueryIsTrue(*watch) ? "watch" : "list";
    if (const auto selector = request.Query("fieldSelector")) {
      info.name = NameInSelector(*selector);
      info.name_from_selector = !info.name.empty();
    }
  }
  if (info.name.empty() && info.verb == "delete") info.verb = "deletecollection";
  if (info.name.empty() || info.name_from_selector) {
    info.field_selector = std::string(request.Query("fieldSelector").value_or(""));
  }
  return info;
}

}  // namespace skiff
