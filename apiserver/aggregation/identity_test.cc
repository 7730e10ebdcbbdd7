#include "apiserver/aggregation/identity.h"

#include <gtest/gtest.h>

#include "apiserver/auth/front_proxy.h"

namespace skiff {
namespace {

std::string AllOf(const http::Headers& headers, const std::string& name) {
  std::string text;
  const auto [first, last] = headers.equal_range(name);
  for (auto at = first; at != last; ++at) text += at->second + "|";
  return text;
}

TEST(ForwardedIdentity, SaysWhoAsksAndNothingThatTheClientSaid) {
  http::Headers headers = {{"x-remote-USER", "root"},
                           {"X-Remote-Group", "system:masters"},
                           {"X-REMOTE-UID", "0"},
                           {"x-remote-extra-scopes", "all"},
                           {"Authorization", "Bearer t"},
                           {"Impersonate-User", "root"},
                           {"Impersonate-Extra-a", "b"},
                           {"X-Other", "stays"}};
  ASSERT_TRUE(SetIdentity({.name = "alice",
                           .uid = "17",
                           .groups = {"dev", "ops"},
                           .extra = {{"a/b%", {"1", "2"}}}},
                          headers));
  EXPECT_EQ(AllOf(headers, "X-Remote-User"), "alice|");
  EXPECT_EQ(AllOf(headers, "X-Remote-Uid"), "17|");
  EXPECT_EQ(AllOf(headers, "X-Remote-Group"), "dev|ops|");
  EXPECT_EQ(AllOf(headers, "X-Remote-Extra-a%2Fb%25"), "1|2|");
  EXPECT_EQ(AllOf(headers, "X-Other"), "stays|");
  EXPECT_EQ(headers.size(), 7u);
}

// Servers behind this one believe these, by the same options.
TEST(ForwardedIdentity, WhatTheOptionsNameIsNotTheClientsToSayEither) {
  const FrontProxyOptions options = {.username_headers = {"X-Login"},
                                     .uid_headers = {"X-Login-Uid"},
                                     .group_headers = {"X-Team"},
                                     .extra_header_prefixes = {"X-More-"}};
  http::Headers headers = {{"x-login", "root"},        {"X-LOGIN-UID", "0"},
                           {"X-Team", "a"},            {"X-Team", "b"},
                           {"x-more-scopes", "all"},   {"X-More", "stays"},
                           {"X-Remote-Group", "dev"},  {"authorization", "Bearer t"},
                           {"impersonate-uid", "0"},   {"X-Teams", "stays"}};
  RemoveIdentity(options, headers);
  EXPECT_EQ(headers.size(), 2u);
  EXPECT_EQ(AllOf(headers, "X-More"), "stays|");
  EXPECT_EQ(AllOf(headers, "X-Teams"), "stays|");
}

// Behind CGI and WSGI nobody can tell one from the other.
TEST(ForwardedIdentity, ANameWithUnderscoresIsNotTheClientsToSayEither) {
  const FrontProxyOptions options = {.username_headers = {"X_Login"},
                                     .group_headers = {"X-Team"},
                                     .extra_header_prefixes = {"X-More-"}};
  http::Headers headers = {{"X_Remote_User", "root"}, {"x-remote_GROUP", "system:masters"},
                           {"X_Remote_Uid", "0"},     {"X_Remote_Extra_Scopes", "all"},
                           {"Impersonate_User", "a"}, {"x-login", "root"},
                           {"X_TEAM", "a"},           {"X_More_Scopes", "all"},
                           {"X_Other", "stays"},      {"X_Remote", "stays"}};
  RemoveIdentity(options, headers);
  EXPECT_EQ(headers.size(), 2u);
  EXPECT_EQ(AllOf(headers, "X_Other"), "stays|");
  EXPECT_EQ(AllOf(headers, "X_Remote"), "stays|");
}

TEST(ForwardedIdentity, NorIsWhatOfARequestIsPassedOn) {
  http::Headers headers = {{"X_Forwarded_For", "192.0.2.1"}, {"x-forwarded_uri", "/"},
                           {"X_FORWARDED-Host", "a"},        {"X_Forwarded_Client_Cert", "a"},
                           {"X-Forwarded-For", "stays"},     {"X-Forwarded-Client_Cert", "stays"},
                           {"X_Forwarde", "stays"}};
  RemoveForwardedLookalikes(headers);
  EXPECT_EQ(headers.size(), 3u);
  for (const auto& [name, value] : headers) EXPECT_EQ(value, "stays") << name;
}

TEST(ForwardedIdentity, WithoutAUidNoneIsSaid) {
  http::Headers headers = {{"X-Remote-Uid", "0"}};
  ASSERT_TRUE(SetIdentity({.name = "alice"}, headers));
  EXPECT_EQ(headers.count("X-Remote-Uid"), 0u);
}

TEST(ForwardedIdentity, ANameThatWouldBreakItsHeaderIsRefused) {
  for (const std::string name : {"alice\r\nX-Remote-Group: system:masters", "a\n", "a\x7f"}) {
    http::Headers headers;
    const auto said = SetIdentity({.name = name}, headers);
    ASSERT_FALSE(said) << name;
    EXPECT_EQ(said.error().message, "net/http: invalid header field value for \"X-Remote-User\"");
  }
  http::Headers headers;
  EXPECT_FALSE(SetIdentity({.name = "a", .groups = {"g\rh"}}, headers));
  EXPECT_FALSE(SetIdentity({.name = "a", .extra = {{"k", {"v\n"}}}}, headers));
}

// Whoever reads a head leaves out the blanks around a value.
TEST(ForwardedIdentity, ANameThatWouldArriveAsAnotherIsRefused) {
  for (const std::string name : {"admin ", " admin", "admin\t", "\tadmin", " "}) {
    http::Headers headers;
    EXPECT_FALSE(SetIdentity({.name = name}, headers)) << name;
    EXPECT_FALSE(SetIdentity({.name = "a", .groups = {"dev", name}}, headers)) << name;
    EXPECT_FALSE(SetIdentity({.name = "a", .uid = name}, headers)) << name;
    EXPECT_FALSE(SetIdentity({.name = "a", .extra = {{"k", {name}}}}, headers)) << name;
  }
  http::Headers headers;
  EXPECT_TRUE(SetIdentity({.name = "system admin", .groups = {""}}, headers));
}

}  // namespace
}  // namespace skiff
