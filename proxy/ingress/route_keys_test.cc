#include "proxy/ingress/route_keys.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace skiff::ingress {
namespace {

TEST(RouteKeysTest, OnlyPlainLettersStayAsTheyAre) {
  EXPECT_EQ(EncodedPath("/api/threads"), "%2Fapi%2Fthreads");
  EXPECT_EQ(EncodedPath("/a-b.c_d~e"), "%2Fa-b.c_d~e");
  EXPECT_EQ(EncodedPath("/caf\xc3\xa9"), "%2Fcaf%C3%A9");
}

TEST(RouteKeysTest, APathThatIsEncodedIsTheSameAsOneThatIsNot) {
  EXPECT_EQ(EncodedPath("/a b"), "%2Fa%20b");
  EXPECT_EQ(EncodedPath("/a%20b"), "%2Fa%20b");
  EXPECT_EQ(EncodedPath("/caf%c3%a9"), "%2Fcaf%C3%A9");
  // A percent sign that says nothing is itself.
  EXPECT_EQ(EncodedPath("/100%"), "%2F100%25");
  EXPECT_EQ(EncodedPath("/%zz"), "%2F%25zz");
}

TEST(RouteKeysTest, WhateverIsInAPathAKeyIsOneWord) {
  std::string all = "/";
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& key : {ExactKey("h", all), PrefixKey("h", all)}) {
    for (const char c : key) {
      EXPECT_TRUE(IsAlnum(c) || std::string_view("-._~%").find(c) != std::string_view::npos) << c;
    }
  }
}

TEST(RouteKeysTest, SlashesInARowAreOne) {
  EXPECT_EQ(EncodedPath("//a///b%2F/c%2f%2f"), "%2Fa%2Fb%2Fc%2F");
}

TEST(RouteKeysTest, SlashesAtAPrefixesEndDoNotCount) {
  EXPECT_EQ(PrefixKey("h", "/foo"), "h%2Ffoo%2F");
  EXPECT_EQ(PrefixKey("h", "/foo/"), "h%2Ffoo%2F");
  EXPECT_EQ(PrefixKey("h", "/"), "h%2F");
  EXPECT_EQ(PrefixKey("h", ""), "h%2F");
  EXPECT_EQ(ExactKey("h", "/foo/"), "h%2Ffoo%2F");
  EXPECT_EQ(ExactKey("h", "/foo"), "h%2Ffoo");
}

TEST(RouteKeysTest, AHostIsANameWhoseFirstLabelMayBeAny) {
  for (const char* good : {"foo.com", "a", "*.foo.com", "10.0.0.1"}) {
    EXPECT_TRUE(IsRouteHost(good)) << good;
  }
  for (const char* bad : {"", "*", "*foo.com", "a.*.com", "Foo.com", "foo .com", "foo\nbar", "#",
                          "foo.com/x", "-", "foo.com:80", "%2F"}) {
    EXPECT_FALSE(IsRouteHost(bad)) << bad;
  }
}

}  // namespace
}  // namespace skiff::ingress
