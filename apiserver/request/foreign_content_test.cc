#include "apiserver/request/foreign_content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kBrowser[] = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0";

bool FromBrowser(http::Headers headers) {
  http::Request request;
  request.headers = std::move(headers);
  return IsFromBrowser(request);
}

TEST(ForeignContent, ABrowserIsKnownByWhatItSaysOfItself) {
  EXPECT_TRUE(FromBrowser({{"Sec-Fetch-Site", "none"}}));
  EXPECT_TRUE(FromBrowser({{"User-Agent", kBrowser}}));
  EXPECT_FALSE(FromBrowser({{"User-Agent", "kubectl/v1.35.0"}}));
  EXPECT_FALSE(FromBrowser({}));
}

TEST(ForeignContent, ByAProxyOfItsOwnMachineItIsOfAnotherOrigin) {
  for (const char* own : {"127.0.0.1", "::1", "127.0.0.1, 127.0.0.2"}) {
    EXPECT_FALSE(FromBrowser(
        {{"Sec-Fetch-Site", "same-origin"}, {"User-Agent", kBrowser}, {"X-Forwarded-For", own}}))
        << own;
  }
}

// The console is behind it as well, and what it keeps in the tab.
TEST(ForeignContent, ByAProxyForManyItIsABrowser) {
  for (const char* chain :
       {"192.0.2.1", "192.0.2.1, 127.0.0.1", "127.0.0.1,2001:db8::1", "unknown", "127.0.0.1,"}) {
    EXPECT_TRUE(FromBrowser({{"User-Agent", kBrowser}, {"X-Forwarded-For", chain}})) << chain;
  }
  EXPECT_TRUE(FromBrowser({{"User-Agent", kBrowser},
                           {"X-Forwarded-For", "127.0.0.1"},
                           {"X-Forwarded-For", "192.0.2.1"}}));
}

TEST(ForeignContent, APageIsNobodyToThisServer) {
  http::Response page;
  page.SetHeader("Content-Security-Policy", "default-src 'self'");
  page.SetHeader("Service-Worker-Allowed", "/");
  page.SetHeader("Clear-Site-Data", "\"*\"");
  KeepApart(page);
  std::string policies;
  const auto [first, last] = page.headers.equal_range("Content-Security-Policy");
  for (auto at = first; at != last; ++at) policies += at->second + "; ";
  EXPECT_THAT(policies, HasSubstr("default-src 'self'; "));
  EXPECT_THAT(policies, HasSubstr("sandbox "));
  EXPECT_THAT(policies, HasSubstr(" allow-scripts"));
  EXPECT_THAT(policies, Not(HasSubstr("allow-same-origin")));
  EXPECT_THAT(policies, Not(HasSubstr("allow-popups-to-escape-sandbox")));
  EXPECT_EQ(page.Header("Service-Worker-Allowed"), "");
  EXPECT_EQ(page.Header("Clear-Site-Data"), "");
}

}  // namespace
}  // namespace skiff
