#include "cli/proxy_filter.h"

#include <gtest/gtest.h>

namespace skiff::cli {
namespace {

class ProxyFilterTest : public testing::Test {
 protected:
  static bool Accepts(const http::Headers& headers, const std::string& path = "/api/v1/secrets") {
    const auto filter =
        ProxyFilter::Make({.accept_hosts = "^localhost$,^127\\.0\\.0\\.1$,^\\[::1\\]$",
                           .accept_paths = "^.*",
                           .reject_paths = "^/api/.*/pods/.*/exec",
                           .reject_methods = "^$"});
    EXPECT_TRUE(filter);
    http::Request request;
    request.method = "GET";
    request.headers = headers;
    return filter->Accepts(request, path);
  }
};

TEST_F(ProxyFilterTest, HostsAndPathsAreLookedAt) {
  EXPECT_TRUE(Accepts({{"Host", "localhost:8001"}}));
  EXPECT_TRUE(Accepts({{"Host", "[::1]:8001"}}));
  EXPECT_TRUE(Accepts({{"Host", "[::1]"}}));
  EXPECT_FALSE(Accepts({{"Host", "evil.example:8001"}}));
  EXPECT_FALSE(Accepts({{"Host", "localhost"}}, "/api/v1/namespaces/a/pods/b/exec"));
}

// Whatever such a page opens here would be opened by whoever runs the proxy.
TEST_F(ProxyFilterTest, PagesOfOtherSitesAreNotServed) {
  const std::pair<const char*, const char*> host = {"Host", "127.0.0.1:8001"};
  EXPECT_FALSE(Accepts({host, {"Origin", "https://evil.example"}}));
  EXPECT_FALSE(Accepts({host, {"Origin", "https://127.0.0.1.evil.example:8001"}}));
  EXPECT_FALSE(Accepts({host, {"Origin", "null"}}));
  EXPECT_FALSE(Accepts({host, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}}));
  EXPECT_TRUE(Accepts({host, {"Origin", "http://127.0.0.1:8001"}}));
  EXPECT_TRUE(Accepts({host, {"Origin", "http://localhost:3000"}}));
  EXPECT_TRUE(Accepts({host, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_TRUE(Accepts({host, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}}));
}

}  // namespace
}  // namespace skiff::cli
