#include "cli/proxy_filter.h"

#include <algorithm>

#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

std::string_view WithoutPort(std::string_view host) {
  const size_t colon = host.rfind(':');
  const bool is_port = colon != host.npos && host.find(']', colon) == host.npos;
  return is_port ? host.substr(0, colon) : host;
}

}  // namespace

Result<ProxyFilter::Patterns> ProxyFilter::Compile(const std::string& list) {
  Patterns patterns;
  for (const std::string& text : Split(list, ',')) {
    auto compiled = TakePattern(text).compiled;
    if (!compiled->ok()) return CliError(GoPatternError(*compiled));
    patterns.push_back(std::move(compiled));
  }
  return patterns;
}

Result<ProxyFilter> ProxyFilter::Make(const Options& options) {
  ProxyFilter filter;
  filter.accept_hosts_ = TRY(Compile(options.accept_hosts));
  filter.accept_paths_ = TRY(Compile(options.accept_paths));
  filter.reject_paths_ = TRY(Compile(options.reject_paths));
  filter.reject_methods_ = TRY(Compile(options.reject_methods));
  return filter;
}

bool ProxyFilter::Matches(const Patterns& patterns, std::string_view text) {
  return std::ranges::any_of(
      patterns, [&](const auto& pattern) { return RE2::PartialMatch(text, *pattern); });
}

bool ProxyFilter::Accepts(const http::Request& request, std::string_view path) const {
  return !Matches(reject_methods_, request.method) && !Matches(reject_paths_, path) &&
         Matches(accept_paths_, path) &&
         Matches(accept_hosts_, WithoutPort(request.Header("Host"))) && MayBeOfPage(request);
}

// A browser on this machine may show a page of anybody's, and sends here what that page asks for;
// by a WebSocket it lets it read the answers as well. It says of which site the page is. To go here
// by a link is nothing that the other site could use.
bool ProxyFilter::MayBeOfPage(const http::Request& request) const {
  const std::string_view origin = request.Header("Origin");
  if (!origin.empty()) {
    const size_t scheme = origin.find("://");
    return scheme != origin.npos &&
           Matches(accept_hosts_, WithoutPort(origin.substr(scheme + 3)));
  }
  return request.Header("Sec-Fetch-Site") != "cross-site" ||
         request.Header("Sec-Fetch-Mode") == "navigate";
}

}  // namespace skiff::cli
