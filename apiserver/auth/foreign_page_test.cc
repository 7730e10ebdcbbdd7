#include "apiserver/auth/foreign_page.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

constexpr char kBrowser[] = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0";

bool Foreign(const std::string& method, http::Headers headers) {
  http::Request request;
  request.method = method;
  request.headers = std::move(headers);
  request.headers.emplace("Host", "skiff.example:6443");
  return IsFromForeignPage(request);
}

TEST(ForeignPageTest, WhatTheBrowserSaysOfASiteDecides) {
  for (const char* site : {"cross-site", "same-site"}) {
    EXPECT_TRUE(Foreign("GET", {{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "no-cors"}})) << site;
    EXPECT_TRUE(Foreign("GET", {{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "websocket"}}));
    EXPECT_TRUE(Foreign("POST", {{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "navigate"}}))
        << "a form";
    EXPECT_FALSE(Foreign("GET", {{"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "navigate"}}))
        << "a link that somebody follows";
  }
  // Behind a proxy this server has another name.
  EXPECT_FALSE(Foreign("POST", {{"Sec-Fetch-Site", "same-origin"},
                                {"Origin", "http://localhost:8001"},
                                {"User-Agent", kBrowser}}));
  EXPECT_FALSE(Foreign("GET", {{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Mode", "navigate"}}));
}

TEST(ForeignPageTest, WhereItSaysNothingTheOriginDoes) {
  const auto from = [](const std::string& origin) {
    return Foreign("GET", {{"Origin", origin}, {"User-Agent", kBrowser}});
  };
  EXPECT_FALSE(from("https://skiff.example:6443"));
  EXPECT_FALSE(from("https://SKIFF.example:6443"));
  EXPECT_TRUE(from("https://skiff.example"));
  EXPECT_TRUE(from("https://skiff.example.evil.example:6443"));
  EXPECT_TRUE(from("https://evil.example"));
  EXPECT_TRUE(from("null")) << "a frame that may do nothing, or a file";
  EXPECT_FALSE(Foreign("GET", {{"User-Agent", kBrowser}}));
  http::Request request;
  request.headers = {{"Origin", "https://h"}, {"Host", "h:443"}, {"User-Agent", kBrowser}};
  EXPECT_FALSE(IsFromForeignPage(request));
}

TEST(ForeignPageTest, WhatIsNoBrowserMaySayWhatItLikes) {
  // As the WebSocket clients of Kubernetes' own tests do.
  EXPECT_FALSE(Foreign("GET", {{"Origin", "http://localhost"}}));
  EXPECT_FALSE(Foreign("GET", {{"Origin", "http://localhost"}, {"User-Agent", "kubectl/v1.35"}}));
  EXPECT_FALSE(Foreign("POST", {}));
}

}  // namespace
}  // namespace skiff
