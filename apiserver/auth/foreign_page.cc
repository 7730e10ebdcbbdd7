#include "apiserver/auth/foreign_page.h"

#include <string>
#include <string_view>

#include "base/text.h"

namespace skiff {
namespace {

// "https://Host:443" and "host" are the same place.
std::string PlaceOf(std::string_view text) {
  const size_t scheme = text.find("://");
  const bool plain = text.substr(0, scheme) == "http";
  if (scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  const std::string_view port = plain ? ":80" : ":443";
  if (text.ends_with(port)) text.remove_suffix(port.size());
  return Lower(text);
}

}  // namespace

bool IsFromForeignPage(const http::Request& request) {
  const std::string_view site = request.Header("Sec-Fetch-Site");
  if (site == "same-origin" || site == "none") return false;
  if (!site.empty()) {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    return !reads || request.Header("Sec-Fetch-Mode") != "navigate";
  }
  const std::string_view origin = request.Header("Origin");
  if (origin.empty() || PlaceOf(origin) == PlaceOf(request.Header("Host"))) return false;
  // Every browser calls itself that, and lets no page call it otherwise without asking the server.
  return request.Header("User-Agent").starts_with("Mozilla/");
}

}  // namespace skiff
