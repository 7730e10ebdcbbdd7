#include "apiserver/auth/console_sessions.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;

class ConsoleSessionsTest : public testing::Test {
 protected:
  LinkCredential Of(const std::string& user, const std::string& token = "") {
    return {.user = {.name = user, .uid = {}, .groups = {"dev"}, .extra = {}},
            .token = token,
            .until = clock_.Now() + 1000h};
  }
  FakeClock clock_;
  SeededRandom random_{7};
  ConsoleSessions sessions_{clock_, random_};
};

TEST_F(ConsoleSessionsTest, ALinkIsGoodOnceAndForAMinute) {
  const std::string code = *sessions_.MakeLink(Of("jane"));
  EXPECT_EQ(code.size(), 43u) << "256 bits";
  const auto token = sessions_.Redeem(code);
  ASSERT_TRUE(token);
  EXPECT_EQ(sessions_.Redeem(code).error().reason, Reason::kUnauthorized);
  EXPECT_EQ(sessions_.Redeem("").error().reason, Reason::kUnauthorized);
  EXPECT_EQ(sessions_.Redeem(*token).error().reason, Reason::kUnauthorized);
  const std::string late = *sessions_.MakeLink(Of("jane"));
  clock_.Advance(60s);
  EXPECT_EQ(sessions_.Redeem(late).error().reason, Reason::kUnauthorized);
}

TEST_F(ConsoleSessionsTest, ASessionIsItsMakersAndEnds) {
  const std::string token = *sessions_.Redeem(*sessions_.MakeLink(Of("jane")));
  EXPECT_EQ(sessions_.Find(token)->name, "jane");
  EXPECT_EQ(sessions_.Find(token)->groups, std::vector<std::string>{"dev"});
  EXPECT_FALSE(sessions_.Find(token + "x"));
  EXPECT_FALSE(sessions_.Find("skiff-console."));
  sessions_.End("another");
  EXPECT_TRUE(sessions_.Find(token));
  sessions_.End(token);
  EXPECT_FALSE(sessions_.Find(token));
  const std::string next = *sessions_.Redeem(*sessions_.MakeLink(Of("jane")));
  clock_.Advance(ConsoleSessions::kSessionTime - 1s);
  EXPECT_TRUE(sessions_.Find(next));
  clock_.Advance(1s);
  EXPECT_FALSE(sessions_.Find(next));
}

TEST_F(ConsoleSessionsTest, ASessionEndsWithItsCertificate) {
  LinkCredential soon = Of("jane");
  soon.until = clock_.Now() + 1h;
  const std::string token = *sessions_.Redeem(*sessions_.MakeLink(soon));
  clock_.Advance(1h - 1s);
  EXPECT_TRUE(sessions_.Find(token));
  clock_.Advance(1s);
  EXPECT_FALSE(sessions_.Find(token));
}

TEST_F(ConsoleSessionsTest, WhoHasATokenGetsThatVeryToken) {
  EXPECT_EQ(*sessions_.Redeem(*sessions_.MakeLink(Of("jane", "her own"))), "her own");
  EXPECT_FALSE(sessions_.Find("her own")) << "it is judged where all tokens are";
}

TEST_F(ConsoleSessionsTest, WhoHasShownHisKeyNeedsNoLink) {
  LinkCredential soon = Of("jane");
  soon.until = clock_.Now() + 1h;
  soon.certificate_pem = "hers";
  const std::string token = *sessions_.Begin(soon);
  EXPECT_EQ(sessions_.Find(token)->name, "jane");
  EXPECT_FALSE(sessions_.Redeem(token)) << "it is no code";
  sessions_.EndOfCertificates([](const std::string&) { return true; });
  EXPECT_TRUE(sessions_.Find(token));
  EXPECT_EQ(sessions_.Begin(soon).error().reason, Reason::kConflict) << "judged by former ones";
  clock_.Advance(1h);
  EXPECT_FALSE(sessions_.Find(token)) << "its certificate is over";
  soon = Of("jane");
  soon.certificate_pem = "hers";
  soon.generation = sessions_.Generation();
  const std::string next = *sessions_.Begin(soon);
  sessions_.EndOfCertificates([](const std::string& pem) { return pem != "hers"; });
  EXPECT_FALSE(sessions_.Find(next));
}

TEST_F(ConsoleSessionsTest, OnesOwnOldestGoesAndNobodyElsesDoes) {
  const std::string others = *sessions_.MakeLink(Of("joe"));
  const std::string first = *sessions_.MakeLink(Of("jane"));
  clock_.Advance(1s);
  for (size_t i = 0; i < ConsoleSessions::kLinksMax; ++i) {
    ASSERT_TRUE(sessions_.MakeLink(Of("jane")));
  }
  EXPECT_FALSE(sessions_.Redeem(first));
  EXPECT_TRUE(sessions_.Redeem(others));
}

TEST_F(ConsoleSessionsTest, ThereAreOnlySoManyAtOnce) {
  for (size_t i = 0; i < ConsoleSessions::kAllLinksMax; ++i) {
    ASSERT_TRUE(sessions_.MakeLink(Of("user" + std::to_string(i))));
  }
  EXPECT_EQ(sessions_.MakeLink(Of("one more")).error().reason, Reason::kTooManyRequests);
  clock_.Advance(60s);
  EXPECT_TRUE(sessions_.MakeLink(Of("one more")));
}

TEST_F(ConsoleSessionsTest, WhatStandsForCertificatesEndsWithTheirAuthorities) {
  LinkCredential jane = Of("jane"), ann = Of("ann");
  jane.certificate_pem = "of one that goes";
  ann.certificate_pem = "of one that stays";
  const std::string session = *sessions_.Redeem(*sessions_.MakeLink(jane));
  const std::string by_certificate = *sessions_.MakeLink(jane);
  const std::string by_token = *sessions_.MakeLink(Of("joe", "t"));
  const std::string other_session = *sessions_.Redeem(*sessions_.MakeLink(ann));
  const std::string other_link = *sessions_.MakeLink(ann);
  sessions_.EndOfCertificates([](const std::string& pem) { return pem == "of one that stays"; });
  EXPECT_FALSE(sessions_.Find(session));
  EXPECT_FALSE(sessions_.Redeem(by_certificate));
  EXPECT_EQ(*sessions_.Redeem(by_token), "t");
  EXPECT_TRUE(sessions_.Find(other_session));
  EXPECT_TRUE(sessions_.Redeem(other_link));
}

TEST_F(ConsoleSessionsTest, WhoWasJudgedByFormerAuthoritiesGetsNoLink) {
  LinkCredential jane = Of("jane");
  jane.generation = sessions_.Generation();
  sessions_.EndOfCertificates([](const std::string&) { return false; });
  EXPECT_EQ(sessions_.MakeLink(jane).error().reason, Reason::kConflict);
  EXPECT_TRUE(sessions_.MakeLink(Of("joe", "t"))) << "a token is judged each time it comes";
  jane.generation = sessions_.Generation();
  EXPECT_TRUE(sessions_.MakeLink(jane));
}

TEST_F(ConsoleSessionsTest, WhoMakesManyAccountsIsOne) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(sessions_.MakeLink(Of("system:serviceaccount:dev:a" + std::to_string(i))));
  }
  EXPECT_TRUE(sessions_.MakeLink(Of("admin")));
}

}  // namespace
}  // namespace skiff
