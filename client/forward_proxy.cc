#include "client/forward_proxy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "api/rules/core/ip.h"
#include "api/text/go_text.h"
#include "base/text.h"
#include "http/message.h"

namespace skiff {
namespace {

// Of a URL, what proxies are told by: scheme://user:password@host:port.
struct Url {
  std::string scheme;
  std::string host;
  std::string port;
  std::optional<ForwardProxy::User> user;
};

bool IsSchemeCharacter(char c, bool first) {
  return IsLetter(c) || (!first && (IsDigit(c) || c == '+' || c == '-' || c == '.'));
}

// Each '%' begins an escape.
bool HasGoodEscapes(std::string_view text) {
  for (size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 1)) {
    const std::string_view digits = text.substr(at + 1, 2);
    if (digits.size() < 2 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) {
      return false;
    }
  }
  return true;
}

bool IsUserinfo(std::string_view text) {
  constexpr std::string_view kOthers = "-._:~!$&'()*+,;=%@";
  return HasGoodEscapes(text) && std::ranges::all_of(text, [&](char c) {
           return IsAlnum(c) || kOthers.find(c) != kOthers.npos;
         });
}

bool IsHost(std::string_view text) {
  constexpr std::string_view kRefused = " %\\^`{}|#?/";
  return text.find_first_of(kRefused) == text.npos;
}

bool IsOptionalPort(std::string_view text) {
  return text.empty() || (text[0] == ':' && std::ranges::all_of(text.substr(1), IsDigit));
}

bool ReadAuthority(std::string_view authority, Url& url) {
  if (const size_t at = authority.rfind('@'); at != authority.npos) {
    const std::string_view userinfo = authority.substr(0, at);
    if (!IsUserinfo(userinfo)) return false;
    const size_t colon = std::min(userinfo.find(':'), userinfo.size());
    const auto decoded = [](std::string_view text) { return http::UrlDecode(text, false); };
    url.user = {decoded(userinfo.substr(0, colon)),
                decoded(userinfo.substr(std::min(colon + 1, userinfo.size())))};
    authority.remove_prefix(at + 1);
  }
  std::string_view host;
  if (authority.starts_with('[')) {
    const size_t bracket = authority.rfind(']');
    if (bracket == authority.npos) return false;
    host = authority.substr(1, bracket - 1);
    authority.remove_prefix(bracket + 1);
  } else {
    host = authority.substr(0, authority.rfind(':'));
    authority.remove_prefix(host.size());
  }
  if (!IsHost(host) || !IsOptionalPort(authority)) return false;
  url.host = host;
  if (!authority.empty()) url.port = authority.substr(1);
  return true;
}

// None where Go's url.Parse refuses it.
std::optional<Url> ParseUrl(std::string_view text) {
  const bool has_control =
      std::ranges::any_of(text, [](uint8_t c) { return c < 0x20 || c == 0x7f; });
  if (has_control) return std::nullopt;
  Url url;
  text = text.substr(0, text.find('#'));
  size_t end = 0;
  while (end < text.size() && IsSchemeCharacter(text[end], end == 0)) ++end;
  if (end < text.size() && text[end] == ':') {
    if (end == 0) return std::nullopt;  // No scheme before it.
    url.scheme = Lower(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('?'));
  if (!text.starts_with('/') && !url.scheme.empty()) return url;  // Of no host.
  if (text.starts_with("//")) {
    const size_t slash = std::min(text.find('/', 2), text.size());
    if (!ReadAuthority(text.substr(2, slash - 2), url)) return std::nullopt;
    text.remove_prefix(slash);
  } else if (const size_t colon = text.find(':'); colon < text.find('/')) {
    return std::nullopt;
  }
  if (!HasGoodEscapes(text)) return std::nullopt;
  return url;
}

// Go takes what it does not know for a proxy that is spoken to by HTTP.
ForwardProxy MadeFrom(const Url& url) {
  ForwardProxy proxy{.host = url.host, .port = url.port, .user = url.user};
  const char* port = "80";
  if (url.scheme == "https") {
    proxy.protocol = ForwardProxy::Protocol::kHttps;
    port = "443";
  } else if (url.scheme == "socks5" || url.scheme == "socks5h") {
    proxy.protocol = ForwardProxy::Protocol::kSocks5;
    port = "1080";
  }
  if (proxy.port.empty()) proxy.port = port;
  return proxy;
}

// Where the scheme is left out it is http.
std::optional<ForwardProxy> OfVariable(const std::string& value) {
  if (value.empty()) return std::nullopt;
  auto url = ParseUrl(value);
  if (!url || url->scheme.empty() || url->host.empty()) {
    if (auto completed = ParseUrl("http://" + value)) url = std::move(completed);
  }
  if (!url) return std::nullopt;
  return MadeFrom(*url);
}

// "host", "host:port", "[::1]:port". An IPv6 address without brackets is a host.
struct Exception {
  std::string_view host;
  std::string_view port;
};
Exception SplitException(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return {text, ""};
  const std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    return {host.substr(1, host.size() - 2), text.substr(colon + 1)};
  }
  if (host.find(':') != host.npos) return {text, ""};
  return {host, text.substr(colon + 1)};
}

bool Excepts(std::string_view text, const ServerUrl& server, const std::string& host) {
  const auto address = ParseIp(host);
  if (const auto block = ParseCidr(text)) return address && block->Contains(*address);
  Exception exception = SplitException(text);
  if (exception.host.empty()) return false;
  const bool is_for_port = exception.port.empty() || exception.port == std::to_string(server.port);
  if (const auto excepted = ParseIp(exception.host)) return is_for_port && address == excepted;
  if (exception.host.starts_with("*.")) exception.host.remove_prefix(1);
  if (exception.host.starts_with('.')) return is_for_port && host.ends_with(exception.host);
  const bool is_under = host.ends_with("." + std::string(exception.host));
  return is_for_port && (is_under || host == exception.host);
}

bool IsLoopback(const IpAddress& address) {
  if (!address.v6) return address.bytes[0] == 127;
  return address == *ParseIp("::1");
}

bool IsExcepted(const std::string& no_proxy, const ServerUrl& server) {
  if (server.host == "localhost") return true;
  const std::string host = Lower(WithoutBlanks(server.host));
  if (const auto address = ParseIp(host); address && IsLoopback(*address)) return true;
  for (size_t from = 0; from <= no_proxy.size();) {
    const size_t comma = std::min(no_proxy.find(',', from), no_proxy.size());
    const std::string text =
        Lower(WithoutBlanks(std::string_view(no_proxy).substr(from, comma - from)));
    if (text == "*" || Excepts(text, server, host)) return true;
    from = comma + 1;
  }
  return false;
}

}  // namespace

Result<ForwardProxy> ParseProxyUrl(const std::string& text) {
  const auto url = ParseUrl(text);
  if (!url) return Fail(Reason::kInvalid, "could not parse: " + text);
  if (url->scheme != "http" && url->scheme != "https" && url->scheme != "socks5") {
    return Fail(
        Reason::kInvalid,
        fmt::format("unsupported scheme {}, must be http, https, or socks5", GoQuote(url->scheme)));
  }
  return MadeFrom(*url);
}

ProxyEnvironment ProxyEnvironment::From(
    const std::function<std::string(const char* name)>& variable) {
  const auto either = [&](const char* upper, const char* lower) {
    const std::string value = variable(upper);
    return value.empty() ? variable(lower) : value;
  };
  return {.http_proxy = either("HTTP_PROXY", "http_proxy"),
          .https_proxy = either("HTTPS_PROXY", "https_proxy"),
          .no_proxy = either("NO_PROXY", "no_proxy"),
          .is_cgi = !variable("REQUEST_METHOD").empty()};
}

const ProxyEnvironment& ProxyEnvironment::OfProcess() {
  static const ProxyEnvironment environment = From([](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  });
  return environment;
}

Result<std::optional<ForwardProxy>> ProxyEnvironment::ProxyFor(const ServerUrl& server) const {
  auto proxy = OfVariable(server.tls ? https_proxy : http_proxy);
  if (proxy && !server.tls && is_cgi) {
    return Fail(Reason::kBadRequest,
                "refusing to use HTTP_PROXY value in CGI environment; see "
                "golang.org/s/cgihttpproxy");
  }
  if (!proxy || IsExcepted(no_proxy, server)) return std::optional<ForwardProxy>();
  return proxy;
}

}  // namespace skiff
