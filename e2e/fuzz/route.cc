// What a request asks for, read from its head.
#include <algorithm>
#include <array>

#include "apiserver/request/request_info.h"
#include "base/error.h"
#include "e2e/fuzz/targets.h"
#include "http/head.h"

namespace skiff::fuzz {
namespace {

constexpr std::array<std::string_view, 10> kVerbs = {
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy", ""};

// What is said of a request is what it will be authorized as: nothing that changes anything may
// look as if it only read.
void CheckWords(const http::Request& request, const RequestInfo& info) {
  CHECK(std::find(kVerbs.begin(), kVerbs.end(), info.verb) != kVerbs.end());
  const bool reads = request.method == "GET" || request.method == "HEAD";
  CHECK(!info.IsReadOnly() || reads || info.legacy_watch);
  CHECK(info.verb != "deletecollection" || (request.method == "DELETE" && info.name.empty()));
  CHECK(!info.legacy_watch || info.verb == "watch");
  CHECK(info.legacy_proxy == (info.verb == "proxy"));
}

void CheckPlaces(const RequestInfo& info) {
  CHECK(info.prefix == "api" || info.prefix == "apis");
  CHECK(info.group.empty() || info.prefix == "apis");
  if (!info.unreadable.empty()) {
    CHECK(info.legacy_watch || info.legacy_proxy);
    return;
  }
  CHECK(info.depth >= 1);
  CHECK(info.subresource.empty() || info.depth >= 3);
  CHECK(info.rest.empty() || info.rest.size() == info.depth - 3);
  CHECK(info.name.empty() || info.depth >= 2 || info.name_from_selector);
}

}  // namespace

// The first line of the input is a method and a target.
void Route(std::string_view bytes) {
  const std::string text = std::string(bytes.substr(0, bytes.find('\n'))) +
                           " HTTP/1.1\r\nHost: h\r\n\r\n";
  http::RequestHead head;
  if (http::ParseRequestHead(text, head)) return;
  http::Request request;
  request.method = head.method;
  request.target = head.target;
  request.path = http::UrlDecode(head.path, false);
  request.query = http::ParseQuery(head.query);
  const RequestInfo info = ParseRequestInfo(request);
  CHECK(info.path == request.path);
  if (!info.is_resource) return;
  CheckWords(request, info);
  CheckPlaces(info);
}

}  // namespace skiff::fuzz
