#include "client/forward_proxy.h"

#include <gtest/gtest.h>

#include <map>

namespace skiff {
namespace {

std::string Shown(const ForwardProxy& proxy) {
  constexpr const char* kProtocols[] = {"http", "https", "socks5"};
  std::string text = kProtocols[static_cast<size_t>(proxy.protocol)];
  text += "|" + proxy.host + "|" + proxy.port;
  if (proxy.user) text += "|" + proxy.user->name + "|" + proxy.user->password;
  return text;
}

std::string ProxyOf(const ProxyEnvironment& environment, const std::string& server) {
  const auto proxy = environment.ProxyFor(*ParseServerUrl(server));
  if (!proxy) return proxy.error().message;
  return *proxy ? Shown(**proxy) : "none";
}

// As golang.org/x/net/http/httpproxy answers.
TEST(ForwardProxy, ServersThatNoProxyNamesAreReachedWithout) {
  constexpr const char* kServers[] = {
      "https://10.1.2.3:6443", "https://api.example.com", "https://API.Example.com:6443",
      "https://example.com",   "https://[fd00::1]:6443",  "https://127.0.0.1:6443",
      "https://127.9.9.9",     "https://[::1]:6443",      "https://localhost:6443",
      "https://LOCALHOST",     "https://notexample.com"};
  // "p": by the proxy.
  const std::pair<const char*, const char*> cases[] = {
      {"", "ppppp....pp"},
      {"*", "..........."},
      {" * ", "..........."},
      {"10.1.2.3", ".pppp....pp"},
      {"10.1.2.3:6443", ".pppp....pp"},
      {"10.1.2.3:443", "ppppp....pp"},
      {"10.0.0.0/8", ".pppp....pp"},
      {"10.1.2.3/33", "ppppp....pp"},
      {"10.1.2.0/24,example.com", "....p....pp"},
      {"example.com", "p...p....pp"},
      {".example.com", "p..pp....pp"},
      {"*.example.com", "p..pp....pp"},
      {"*.com", "p...p....p."},
      {"example.com:6443", "pp.pp....pp"},
      {"EXAMPLE.COM", "p...p....pp"},
      {" example.com , 10.1.2.3 ", "....p....pp"},
      {"fd00::/8", "pppp.....pp"},
      {"fd00::1", "pppp.....pp"},
      {"[fd00::1]:6443", "pppp.....pp"},
      {"[fd00::1]", "ppppp....pp"},
      {"fd00::1:6443", "ppppp....pp"},
      {":6443", "ppppp....pp"},
      {"api", "ppppp....pp"},
      {"com", "p...p....p."},
      {"x*", "ppppp....pp"},
      {",,", "ppppp....pp"},
      {"10.1.2", "ppppp....pp"},
      {"::ffff:10.1.2.3", ".pppp....pp"},
      {"example.com.", "ppppp....pp"},
      {"[::1]:", "ppppp....pp"},
      {"example.com:", "p...p....pp"},
  };
  for (const auto& [no_proxy, want] : cases) {
    std::string got;
    for (const char* server : kServers) {
      const ProxyEnvironment environment{.https_proxy = "http://p:1", .no_proxy = no_proxy};
      got += ProxyOf(environment, server) == "none" ? '.' : 'p';
    }
    EXPECT_EQ(got, want) << no_proxy;
  }
}

struct UrlCase {
  const char* text;
  const char* of_variable;  // What it is as HTTPS_PROXY.
  const char* refusal;      // Of the same as proxy-url of a kubeconfig; "": none.
};

TEST(ForwardProxy, UrlsAreReadAsGoReadsThem) {
  const UrlCase cases[] = {
      {"", "none", "unsupported scheme \"\", must be http, https, or socks5"},
      {"p", "http|p|80", "unsupported scheme \"\", must be http, https, or socks5"},
      {"p:3128", "http|p|3128", "unsupported scheme \"p\", must be http, https, or socks5"},
      {"localhost:3128", "http|localhost|3128",
       "unsupported scheme \"localhost\", must be http, https, or socks5"},
      {"127.0.0.1:3128", "http|127.0.0.1|3128", "could not parse: 127.0.0.1:3128"},
      {"http://p", "http|p|80", ""},
      {"https://p", "https|p|443", ""},
      {"socks5://p", "socks5|p|1080", ""},
      {"socks5h://u:x@p", "socks5|p|1080|u|x",
       "unsupported scheme \"socks5h\", must be http, https, or socks5"},
      {"http://u@p:1", "http|p|1|u|", ""},
      {"http://u:@p:1", "http|p|1|u|", ""},
      {"http://u%40x:p%3aw@p:1/path", "http|p|1|u@x|p:w", ""},
      {"http://:pw@p", "http|p|80||pw", ""},
      {"ftp://p:21", "http|p|21", "unsupported scheme \"ftp\", must be http, https, or socks5"},
      {"http:/p", "http|http|80", ""},
      {"http://", "http|http|80", ""},
      {"http://[fd00::1]:3128", "http|fd00::1|3128", ""},
      {"[fd00::1]:3128", "http|fd00::1|3128", "could not parse: [fd00::1]:3128"},
      {"fd00::1", "http|fd00:|1", "unsupported scheme \"fd00\", must be http, https, or socks5"},
      {"http://a b", "http|http|80", "could not parse: http://a b"},
      {"%", "none", "could not parse: %"},
      {"::x", "none", "could not parse: ::x"},
      {"http://p:x", "http|http|80", "could not parse: http://p:x"},
      {"http://p:99999", "http|p|99999", ""},
      {"http://p:", "http|p|80", ""},
      {"HTTP://P:1", "http|P|1", ""},
      {"http://p?x=y", "http|p|80", ""},
      {"http://p#x", "http|p|80", ""},
      {"http://u:p@h@p:2", "http|p|2|u|p@h", ""},
      {"http://p/%zz", "none", "could not parse: http://p/%zz"},
      {"1p://x", "http|1p|80", "could not parse: 1p://x"},
      {"a/b:c", "http|a|80", "unsupported scheme \"\", must be http, https, or socks5"},
      {"http://[::1", "http|http|80", "could not parse: http://[::1"},
      {"http://u ser@p", "http|http|80", "could not parse: http://u ser@p"},
  };
  for (const UrlCase& each : cases) {
    EXPECT_EQ(ProxyOf({.https_proxy = each.text}, "https://api.test"), each.of_variable)
        << each.text;
    const auto parsed = ParseProxyUrl(each.text);
    EXPECT_EQ(parsed ? "" : parsed.error().message, each.refusal) << each.text;
  }
}

TEST(ForwardProxy, TheVariableIsThatOfTheServersScheme) {
  std::map<std::string, std::string> variables = {{"http_proxy", "h:1"}, {"HTTPS_PROXY", "s:1"}};
  const auto proxy_of = [&](const std::string& server) {
    return ProxyOf(ProxyEnvironment::From([&](const char* name) { return variables[name]; }),
                   server);
  };
  EXPECT_EQ(proxy_of("http://api.test"), "http|h|1");
  EXPECT_EQ(proxy_of("https://api.test"), "http|s|1");
  variables["HTTP_PROXY"] = "upper:1";
  EXPECT_EQ(proxy_of("http://api.test"), "http|upper|1");
  variables["no_proxy"] = "api.test";
  EXPECT_EQ(proxy_of("http://api.test"), "none");
  variables["NO_PROXY"] = "other";
  EXPECT_EQ(proxy_of("http://api.test"), "http|upper|1");
  variables["REQUEST_METHOD"] = "GET";
  EXPECT_EQ(proxy_of("http://api.test"),
            "refusing to use HTTP_PROXY value in CGI environment; see golang.org/s/cgihttpproxy");
  EXPECT_EQ(proxy_of("https://api.test"), "http|s|1");
}

}  // namespace
}  // namespace skiff
