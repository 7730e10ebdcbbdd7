#include "apiserver/server/promptness.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace skiff {
namespace {

bool IsSmallPage(std::string_view path) {
  static constexpr std::string_view kPages[] = {"/healthz", "/livez", "/readyz", "/version",
                                                "/api"};
  return std::any_of(std::begin(kPages), std::end(kPages),
                     [&](std::string_view page) { return path.starts_with(page); });
}

// From there on, and not from what is there.
bool GoesOnFromRevision(const http::Request& request) {
  if (request.HasQuery("sendInitialEvents")) return false;
  const std::string_view version = request.Query("resourceVersion").value_or("");
  return !version.empty() && version != "0";
}

}  // namespace

Promptness PromptnessOf(const http::Request& request, const RequestInfo& info) {
  using enum Promptness;
  if (request.method != "GET") return kWorker;
  if (!info.is_resource) return IsSmallPage(request.path) ? kAtOnce : kWorker;
  if (info.verb == "watch") return GoesOnFromRevision(request) ? kAtOnce : kWorker;
  if (!info.subresource.empty() || info.resource == "componentstatuses") return kWorker;
  if (info.verb == "list") return kInTurn;
  return info.verb == "get" ? kAtOnce : kWorker;
}

}  // namespace skiff
