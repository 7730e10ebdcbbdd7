// What web pages of other sites may do with this server, and how browsers are to come to it: the
// headers behind --cors-allowed-origins and --strict-transport-security-directives.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/message.h"

namespace skiff {

struct BrowserAccessOptions {
  // Regular expressions; a page whose origin one of them matches may read what it is answered.
  std::vector<std::string> allowed_origins = {};
  std::vector<std::string> transport_security = {};  // "max-age=31536000", "preload"
};

// Invalid carries kube-apiserver's text.
Result<> CheckBrowserAccess(const BrowserAccessOptions& options);

// Immutable, so any thread may ask.
class BrowserAccess {
 public:
  explicit BrowserAccess(BrowserAccessOptions options);  // As checked.

  // To what a browser asks before the request itself, without credentials; nullopt: it is none.
  std::optional<http::Response> Preflight(const http::Request& request) const;
  void AddHeaders(const http::Request& request, http::Response& response) const;

 private:
  bool Allows(const http::Request& request) const;

  const BrowserAccessOptions options_;
  const std::string transport_security_;  // The whole header.
};

}  // namespace skiff
