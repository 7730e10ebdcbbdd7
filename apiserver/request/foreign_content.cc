#include "apiserver/request/foreign_content.h"

#include <algorithm>
#include <string_view>

namespace skiff {
namespace {

// All that a header X-Forwarded-For names are on the machine of the proxy that says so.
bool IsOwnMachine(std::string_view chain) {
  while (true) {
    const size_t comma = std::min(chain.find(','), chain.size());
    std::string_view address = chain.substr(0, comma);
    address.remove_prefix(std::min(address.find_first_not_of(' '), address.size()));
    if (!address.starts_with("127.") && !address.starts_with("::1")) return false;
    if (comma == chain.size()) return true;
    chain.remove_prefix(comma + 1);
  }
}

// No page can have its browser say that a proxy was in between where somebody follows a link. One
// for many, such as an Ingress, is asked from elsewhere; the console behind it is of its origin,
// too.
bool IsByOwnProxy(const http::Request& request) {
  const auto [first, last] = request.headers.equal_range("X-Forwarded-For");
  return first != last &&
         std::all_of(first, last, [](const auto& header) { return IsOwnMachine(header.second); });
}

}  // namespace

bool IsFromBrowser(const http::Request& request) {
  if (IsByOwnProxy(request)) return false;
  return !request.Header("Sec-Fetch-Site").empty() ||
         request.Header("User-Agent").starts_with("Mozilla/");
}

void KeepApart(http::Response& response) {
  // Beside a policy that comes along: both hold.
  response.SetHeader("Content-Security-Policy",
                     "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts");
  // What reaches beyond its own path.
  response.headers.erase("Service-Worker-Allowed");
  response.headers.erase("Clear-Site-Data");
}

}  // namespace skiff
