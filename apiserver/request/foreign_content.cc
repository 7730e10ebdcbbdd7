#include "apiserver/request/foreign_content.h"

namespace skiff {

bool IsFromBrowser(const http::Request& request) {
  // No page can have its browser say that a proxy was in between where somebody follows a link.
  if (!request.Header("X-Forwarded-For").empty()) return false;
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
