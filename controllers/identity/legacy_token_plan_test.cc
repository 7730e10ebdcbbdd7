#include "controllers/identity/legacy_token_plan.h"

#include <gtest/gtest.h>

#include "api/pods/token_secrets.h"

namespace skiff {
namespace {

constexpr Duration kYear = 24h * 365;

class LegacyTokenPlan : public testing::Test {
 protected:
  LegacyTokenPlan() {
    secret_.metadata.name = "default-token-x";
    secret_.type = kTokenSecretType;
    secret_.metadata.creation_timestamp = Time(*ParseDate("2020-01-01"));
    account_.metadata.uid = "u";
    account_.secrets.emplace_back().name = "default-token-x";
  }
  TokenFate Fate() {
    return FateOf(secret_, {.account = &account_, .is_mounted = is_mounted_, .period = kYear,
                            .now = *ParseDate("2026-01-02") + 12h});
  }
  core_v1::Secret secret_;
  core_v1::ServiceAccount account_;
  bool is_mounted_ = false;
};

TEST_F(LegacyTokenPlan, OneThatWasNeverUsedIsMarkedAndGoesAYearLater) {
  EXPECT_EQ(Fate(), TokenFate::kMark);
  secret_.metadata.labels[kTokenInvalidSince] = "no date";
  EXPECT_EQ(Fate(), TokenFate::kMark);
  secret_.metadata.labels[kTokenInvalidSince] = "2025-01-02";
  EXPECT_EQ(Fate(), TokenFate::kKeep);
  secret_.metadata.labels[kTokenInvalidSince] = "2025-01-01";
  EXPECT_EQ(Fate(), TokenFate::kDelete);
}

TEST_F(LegacyTokenPlan, OneThatWasUsedWithinTheYearStays) {
  secret_.metadata.labels[kTokenLastUsed] = "2025-01-02";
  EXPECT_EQ(Fate(), TokenFate::kKeep);
  secret_.metadata.labels[kTokenLastUsed] = "2025-01-01";
  EXPECT_EQ(Fate(), TokenFate::kMark);
  secret_.metadata.labels[kTokenLastUsed] = "yesterday";
  EXPECT_EQ(Fate(), TokenFate::kKeep);
}

TEST_F(LegacyTokenPlan, AYoungOneStays) {
  secret_.metadata.creation_timestamp = Time(*ParseDate("2025-06-01"));
  EXPECT_EQ(Fate(), TokenFate::kKeep);
}

TEST_F(LegacyTokenPlan, OneThatAPodMountsStays) {
  is_mounted_ = true;
  EXPECT_EQ(Fate(), TokenFate::kKeep);
}

TEST_F(LegacyTokenPlan, OneThatSomebodyAskedForStays) {
  account_.secrets.clear();
  EXPECT_EQ(Fate(), TokenFate::kKeep);
}

TEST_F(LegacyTokenPlan, OneOfAnAccountOfBeforeStays) {
  secret_.metadata.annotations[kTokenSecretAccountUid] = "other";
  EXPECT_EQ(Fate(), TokenFate::kKeep);
  secret_.metadata.annotations[kTokenSecretAccountUid] = "u";
  EXPECT_EQ(Fate(), TokenFate::kMark);
}

TEST_F(LegacyTokenPlan, OtherSecretsStay) {
  secret_.type = "Opaque";
  EXPECT_EQ(Fate(), TokenFate::kKeep);
}

TEST(TokenTrackingTime, CountsFromTheDayAfterItBegan) {
  const TimePoint begin = *ParseDate("2025-01-01");
  EXPECT_FALSE(TracksLongEnough("2025-01-01", kYear, begin + 24h + kYear - 1s));
  EXPECT_TRUE(TracksLongEnough("2025-01-01", kYear, begin + 24h + kYear));
  EXPECT_FALSE(TracksLongEnough("x", kYear, begin + 48h + kYear));
}

}  // namespace
}  // namespace skiff
