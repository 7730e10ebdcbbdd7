#include "apiserver/server/browser_access.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "api/text/patterns.h"

namespace skiff {
namespace {

constexpr std::string_view kOriginsHelp =
    "List of allowed origins for CORS, comma separated. An allowed origin can be a regular "
    "expression to support subdomain matching. If this list is empty CORS will not be enabled. "
    "Please ensure each expression matches the entire hostname by anchoring to the start with '^' "
    "or including the '//' prefix, and by anchoring to the end with '$' or including the ':' port "
    "separator suffix. Examples of valid expressions are '//example\\.com(:|$)' and "
    "'^https://example\\.com(:|$)'";
// Longer ones name nothing that a browser would send.
constexpr size_t kOriginBytesMax = 1024;

tl::unexpected<Error> BadAccess(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

// Else a page of "example.com.evil" would be allowed by what names example.com.
bool NamesWholeHost(const std::string& pattern) {
  const auto has = [&](std::string_view part) { return pattern.find(part) != std::string::npos; };
  return (has("^") || has("//")) && (has("$") || has(":"));
}

Result<> CheckOrigin(const std::string& pattern) {
  if (pattern.empty()) {
    return BadAccess(fmt::format("empty value in --cors-allowed-origins, help: {}", kOriginsHelp));
  }
  std::string fault = GoPatternError(*TakePattern(pattern).compiled);
  if (fault.empty() && !NamesWholeHost(pattern)) {
    fault = "regular expression does not pin to start/end of host in the origin header";
  }
  if (fault.empty()) return {};
  return BadAccess(
      fmt::format("--cors-allowed-origins has an invalid regular expression: {}, help: {}", fault,
                  kOriginsHelp));
}

Result<> CheckDirective(const std::string& directive) {
  if (directive.find_first_not_of(" \t") == std::string::npos) {
    return BadAccess("empty value in strict-transport-security-directives");
  }
  if (directive == "includeSubDomains" || directive == "preload") return {};
  const bool is_age = directive.starts_with("max-age=") &&
                      std::count(directive.begin(), directive.end(), '=') == 1;
  if (is_age) return {};
  return BadAccess("--strict-transport-security-directives invalid, allowed values: "
                 "max-age=expireTime, includeSubDomains, preload. see "
                 "https://tools.ietf.org/html/rfc6797#section-6.1 for more information");
}

}  // namespace

Result<> CheckBrowserAccess(const BrowserAccessOptions& options) {
  for (const std::string& directive : options.transport_security) TRY(CheckDirective(directive));
  for (const std::string& pattern : options.allowed_origins) TRY(CheckOrigin(pattern));
  return {};
}

BrowserAccess::BrowserAccess(BrowserAccessOptions options)
    : options_(std::move(options)),
      transport_security_(fmt::format("{}", fmt::join(options_.transport_security, "; "))) {}

bool BrowserAccess::Allows(const http::Request& request) const {
  if (options_.allowed_origins.empty()) return false;
  const std::string origin(request.Header("Origin"));
  if (origin.empty() || origin.size() > kOriginBytesMax) return false;
  return std::any_of(options_.allowed_origins.begin(), options_.allowed_origins.end(),
                     [&](const std::string& pattern) { return PatternMatches(pattern, origin); });
}

std::optional<http::Response> BrowserAccess::Preflight(const http::Request& request) const {
  if (request.method != "OPTIONS" || !Allows(request)) return std::nullopt;
  http::Response response;
  response.status = 204;
  return response;
}

void BrowserAccess::AddHeaders(const http::Request& request, http::Response& response) const {
  if (!transport_security_.empty()) {
    response.SetHeader("Strict-Transport-Security", transport_security_);
  }
  if (!Allows(request)) return;
  response.SetHeader("Access-Control-Allow-Origin", std::string(request.Header("Origin")));
  response.SetHeader("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE, PATCH");
  response.SetHeader("Access-Control-Allow-Headers",
                     "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, "
                     "X-Requested-With, If-Modified-Since");
  response.SetHeader("Access-Control-Expose-Headers", "Date");
  response.SetHeader("Access-Control-Allow-Credentials", "true");
}

}  // namespace skiff
