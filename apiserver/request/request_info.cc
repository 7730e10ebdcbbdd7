#include "apiserver/request/request_info.h"

#include <algorithm>
#include <charconv>

#include "api/select/selector.h"
#include "base/text.h"

namespace skiff {
namespace {

// More than stand before what a proxy passes on, which is one part then: of a path of slashes alone
// there were as many as it has bytes.
constexpr size_t kPartsMax = 16;

std::vector<std::string> Split(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  std::vector<std::string> parts;
  while (!path.empty()) {
    const bool is_last = parts.size() + 1 == kPartsMax;
    const size_t slash = is_last ? std::string_view::npos : path.find('/');
    parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
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

// Whether kube-apiserver could read the parameter into a list's options; absent and empty ones it
// can.
bool IsNumberOrAbsent(const http::Request& request, std::string_view parameter) {
  std::string_view text = request.Query(parameter).value_or("");
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return text.empty() || (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size());
}

// The one name that the field selector asks for; "" when it asks for no single name, or when the
// options of the list cannot be read.
std::string NameInSelector(const http::Request& request) {
  const auto asked = request.Query("fieldSelector");
  if (!asked) return "";
  const auto selector = FieldSelector::Parse(*asked);
  if (!selector || !LabelSelector::Parse(request.Query("labelSelector").value_or(""))) return "";
  if (!IsNumberOrAbsent(request, "limit") || !IsNumberOrAbsent(request, "timeoutSeconds")) {
    return "";
  }
  const std::string name(selector->Exact("metadata.name").value_or(""));
  return IsPathSegment(name) ? name : "";
}

// Fills namespace, resource, name and subresource from what stands after the version.
void ParseResource(std::vector<std::string> parts, RequestInfo& info) {
  if (parts[0] == "namespaces" && parts.size() > 1) {
    info.namespace_name = parts[1];
    // A namespace's own subresources stand where a namespaced resource would.
    if (parts.size() > 2 && parts[2] != "status" && parts[2] != "finalize") {
      parts.erase(parts.begin(), parts.begin() + 2);
      info.below_namespace = true;
    }
  }
  info.depth = parts.size();
  info.resource = parts[0];
  if (parts.size() >= 2) info.name = parts[1];
  if (parts.size() >= 3 && info.verb != "proxy") info.subresource = parts[2];
  if (parts.size() > 3) info.rest.assign(parts.begin() + 3, parts.end());
}

// What is asked of a collection is said by its method and its query together.
void ReadWordsOfCollection(const http::Request& request, RequestInfo& info) {
  if (info.name.empty() && info.verb == "get") {
    const auto watch = request.Query("watch");
    info.verb = watch && QueryIsTrue(*watch) ? "watch" : "list";
    info.name = NameInSelector(request);
    info.name_from_selector = !info.name.empty();
  }
  if (info.name.empty() && info.verb == "delete") info.verb = "deletecollection";
  // What the old way to watch selects by, nobody is asked of: of one object there is no selection.
  const bool selects =
      info.verb == "list" || info.verb == "watch" || info.verb == "deletecollection";
  if (selects && !info.legacy_watch) {
    info.field_selector = std::string(request.Query("fieldSelector").value_or(""));
    info.label_selector = std::string(request.Query("labelSelector").value_or(""));
  }
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
    info.legacy_proxy = parts[at] == "proxy";
    if (parts.size() < at + 2) {
      info.unreadable = "unable to determine kind and namespace from url, " + request.target;
      return info;
    }
    ++at;
  }
  ParseResource({parts.begin() + static_cast<long>(at), parts.end()}, info);
  ReadWordsOfCollection(request, info);
  return info;
}

bool IsLongRunning(const RequestInfo& info) {
  if (!info.is_resource) return info.path.starts_with("/debug/pprof/");
  if (info.verb == "watch" || info.verb == "proxy") return true;
  static constexpr std::string_view kSubresources[] = {"attach", "exec", "log", "portforward",
                                                       "proxy"};
  return std::find(std::begin(kSubresources), std::end(kSubresources), info.subresource) !=
         std::end(kSubresources);
}

}  // namespace skiff
