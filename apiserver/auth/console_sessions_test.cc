#include "apiserver/auth/console_sessions.h"

#include <gtest/gtest.h>

#include <vector>

#include "apiserver/storage/rocksdb_store.h"
#include "base/certificates.h"

namespace skiff {
namespace {

class ConsoleSessionsTest : public testing::Test {
 protected:
  LinkCredential Of(const std::string& user, const std::string& token = "") {
    LinkCredential credential{.user = user, .token = token, .until = clock_.Now() + 1000h};
    if (token.empty()) credential.certificate_pem = certificate_;
    return credential;
  }
  // As another server of the cluster has it, or this one started anew.
  ConsoleSessions WithKey(const std::string& key) {
    return {*store_, clock_, random_, [key](std::string_view) { return Result<std::string>(key); }};
  }
  std::string NewSession(ConsoleSessions& sessions) { return *sessions.Begin(Of("jane")); }

  FakeClock clock_;
  SeededRandom random_{7};
  std::shared_ptr<rocksdb::Env> env_ = NewMemoryDisk();
  std::unique_ptr<RocksdbStore> store_ =
      *RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_);
  const std::string certificate_ =
      CertificateAuthority::Create("jane", clock_.Now())->pem().certificate_pem;
  const std::string key_ = std::string(32, 'k');
  ConsoleSessions sessions_ = WithKey(key_);
  ConsoleSessions elsewhere_ = WithKey(key_);
};

TEST_F(ConsoleSessionsTest, ALinkIsGoodOnceAndForAMinute) {
  const std::string code = *sessions_.MakeLink(Of("jane"));
  EXPECT_EQ(code.size(), 43u) << "256 bits";
  const auto credential = sessions_.Redeem(code);
  ASSERT_TRUE(credential);
  EXPECT_EQ(credential->user, "jane");
  EXPECT_EQ(credential->token, "");
  EXPECT_EQ(credential->certificate_pem, certificate_);
  EXPECT_EQ(credential->until, Of("jane").until);
  EXPECT_EQ(sessions_.Redeem(code).error().reason, Reason::kUnauthorized);
  EXPECT_EQ(sessions_.Redeem("").error().reason, Reason::kUnauthorized);
  const std::string late = *sessions_.MakeLink(Of("jane"));
  clock_.Advance(60s);
  EXPECT_EQ(sessions_.Redeem(late).error().reason, Reason::kUnauthorized);
}

TEST_F(ConsoleSessionsTest, ALinkIsGoodOnceForAllServers) {
  const std::string code = *sessions_.MakeLink(Of("jane", "her own"));
  EXPECT_EQ(elsewhere_.Redeem(code)->token, "her own");
  EXPECT_EQ(sessions_.Redeem(code).error().reason, Reason::kUnauthorized);
  ConsoleSessions anew = WithKey(key_);
  EXPECT_EQ(anew.Redeem(code).error().reason, Reason::kUnauthorized);
}

TEST_F(ConsoleSessionsTest, WhatALinkLeadsToIsNotReadInTheStore) {
  ASSERT_TRUE(sessions_.MakeLink(Of("jane", "her own token")));
  const auto listed = store_->List({.prefix = "/registry/"});
  for (const RecordPtr& each : listed->records) {
    for (const char* secret : {"jane", "her own token"}) {
      EXPECT_EQ(each->value.find(secret), std::string::npos) << each->value;
    }
  }
}

TEST_F(ConsoleSessionsTest, ASessionIsKnownToAllServersAndAfterARestart) {
  const std::string token = NewSession(sessions_);
  ConsoleSessions anew = WithKey(key_);
  for (ConsoleSessions* each : {&sessions_, &elsewhere_, &anew}) {
    const auto ticket = each->Find(token);
    ASSERT_TRUE(ticket);
    EXPECT_EQ(ticket->certificate_pem, certificate_);
    EXPECT_EQ(ticket->made, clock_.Now());
    EXPECT_FALSE(ticket->by_proof);
  }
  EXPECT_FALSE(WithKey(std::string(32, 'x')).Find(token)) << "of another cluster";
}

TEST_F(ConsoleSessionsTest, ATokenThatWasChangedIsNone) {
  const std::string token = NewSession(sessions_);
  for (size_t i = 0; i < token.size(); ++i) {
    EXPECT_FALSE(sessions_.Find(token.substr(0, i))) << i;
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'z' : 'A';
    EXPECT_FALSE(sessions_.Find(changed)) << i;
  }
  EXPECT_FALSE(sessions_.Find(token + "AAAA"));
  EXPECT_FALSE(sessions_.Find("skiff-console." + std::string(40, '!')));
  EXPECT_TRUE(sessions_.Find(token));
}

TEST_F(ConsoleSessionsTest, ASessionEndsByItsTimeAndWithItsCertificate) {
  LinkCredential soon = Of("jane");
  soon.until = clock_.Now() + 1h;
  const std::string shorter = *sessions_.Begin(soon), longer = NewSession(sessions_);
  clock_.Advance(1h - 1s);
  EXPECT_TRUE(sessions_.Find(shorter));
  clock_.Advance(1s);
  EXPECT_FALSE(sessions_.Find(shorter));
  clock_.Advance(ConsoleSessions::kSessionTime - 1h - 1s);
  EXPECT_TRUE(sessions_.Find(longer));
  clock_.Advance(1s);
  EXPECT_FALSE(sessions_.Find(longer));
}

TEST_F(ConsoleSessionsTest, ALogoutEndsItForAllServersAndForGood) {
  const std::string token = NewSession(sessions_), other = NewSession(sessions_);
  ASSERT_TRUE(elsewhere_.Find(token));
  ASSERT_TRUE(sessions_.End("another"));
  ASSERT_TRUE(sessions_.End(token));
  ASSERT_TRUE(sessions_.End(token)) << "twice";
  ConsoleSessions anew = WithKey(key_);
  for (ConsoleSessions* each : {&sessions_, &elsewhere_, &anew}) {
    EXPECT_FALSE(each->Find(token));
    EXPECT_TRUE(each->Find(other));
  }
}

TEST_F(ConsoleSessionsTest, WhoLogsOutOfManyEndsAllThatHisCertificateHas) {
  const std::string others = *sessions_.Begin([&] {
    LinkCredential joe = Of("joe");
    joe.certificate_pem = CertificateAuthority::Create("joe", clock_.Now())->pem().certificate_pem;
    return joe;
  }());
  const std::string open = NewSession(sessions_);
  LinkCredential with_more = Of("jane");
  with_more.certificate_pem +=
      CertificateAuthority::Create("x", clock_.Now())->pem().certificate_pem;
  const std::string open_too = *sessions_.Begin(with_more);
  std::vector<std::string> ended;
  for (size_t i = 0; i < ConsoleSessions::kEndedMax; ++i) {
    ended.push_back(NewSession(sessions_));
    ASSERT_TRUE(sessions_.End(ended.back()));
  }
  EXPECT_TRUE(elsewhere_.Find(open));
  EXPECT_TRUE(elsewhere_.Find(open_too));
  ended.push_back(NewSession(sessions_));
  ASSERT_TRUE(sessions_.End(ended.back()));
  for (const std::string& each : ended) EXPECT_FALSE(elsewhere_.Find(each));
  EXPECT_FALSE(elsewhere_.Find(open));
  EXPECT_FALSE(elsewhere_.Find(open_too)) << "of the same certificate, whatever came behind it";
  EXPECT_TRUE(elsewhere_.Find(others));
  const std::string prefix = "/registry/skiff-console/ended/";
  EXPECT_EQ(store_->List({.prefix = prefix})->records.size(), 1u);
  clock_.Advance(1s);
  EXPECT_TRUE(elsewhere_.Find(NewSession(sessions_)));
}

TEST_F(ConsoleSessionsTest, ALogoutAtAServerWhoseClockIsBehindEndsItAll) {
  for (size_t i = 0; i < ConsoleSessions::kEndedMax; ++i) {
    ASSERT_TRUE(sessions_.End(NewSession(sessions_)));
  }
  const std::string last = NewSession(sessions_);
  FakeClock behind(clock_.Now() - kServerClocksApartMax);
  ConsoleSessions late(*store_, behind, random_,
                       [this](std::string_view) { return Result<std::string>(key_); });
  ASSERT_TRUE(late.End(last));
  EXPECT_FALSE(late.Find(last));
  EXPECT_FALSE(sessions_.Find(last));
}

TEST_F(ConsoleSessionsTest, OnesOwnOldestLinkGoesAndNobodyElsesDoes) {
  const std::string others = *sessions_.MakeLink(Of("joe"));
  const std::string first = *sessions_.MakeLink(Of("jane"));
  clock_.Advance(1s);
  for (size_t i = 0; i < ConsoleSessions::kLinksMax; ++i) {
    ASSERT_TRUE(sessions_.MakeLink(Of("jane")));
  }
  EXPECT_FALSE(sessions_.Redeem(first));
  EXPECT_TRUE(sessions_.Redeem(others));
}

TEST_F(ConsoleSessionsTest, ThereAreOnlySoManyLinksAtOnce) {
  for (size_t i = 0; i < ConsoleSessions::kAllLinksMax; ++i) {
    ASSERT_TRUE(sessions_.MakeLink(Of("user" + std::to_string(i), "t")));
  }
  EXPECT_EQ(sessions_.MakeLink(Of("one more")).error().reason, Reason::kTooManyRequests);
  clock_.Advance(60s);
  EXPECT_TRUE(sessions_.MakeLink(Of("one more")));
}

TEST_F(ConsoleSessionsTest, WhoMakesManyAccountsIsOne) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(sessions_.MakeLink(Of("system:serviceaccount:dev:a" + std::to_string(i), "t")));
  }
  EXPECT_EQ(store_->List({.prefix = "/registry/skiff-console/"})->records.size(),
            ConsoleSessions::kLinksMax);
}

TEST_F(ConsoleSessionsTest, MoreCertificatesThanATicketHoldsAreRefused) {
  LinkCredential many = Of("jane");
  while (many.certificate_pem.size() <= kTicketCertificatesMax) {
    many.certificate_pem += certificate_;
  }
  EXPECT_EQ(sessions_.Begin(many).error().reason, Reason::kInvalid);
  EXPECT_EQ(sessions_.MakeLink(many).error().reason, Reason::kInvalid);
  many.certificate_pem = "none";
  EXPECT_EQ(sessions_.Begin(many).error().reason, Reason::kInvalid);
  many.certificate_pem = certificate_ + certificate_;
  EXPECT_EQ(sessions_.Find(*sessions_.Begin(many))->certificate_pem, many.certificate_pem);
}

TEST_F(ConsoleSessionsTest, WithoutAKeyNobodyIsLoggedIn) {
  const std::string token = NewSession(sessions_);
  ConsoleSessions without(*store_, clock_, random_, [](std::string_view) -> Result<std::string> {
    return Fail(Reason::kInternalError, "no key");
  });
  EXPECT_FALSE(without.Find(token));
  EXPECT_EQ(without.Begin(Of("jane")).error().message, "no key");
  ASSERT_FALSE(without.End(token)) << "it is good elsewhere";
  EXPECT_EQ(without.End(token).error().message, "no key");
  EXPECT_TRUE(without.End("another"));
}

}  // namespace
}  // namespace skiff
