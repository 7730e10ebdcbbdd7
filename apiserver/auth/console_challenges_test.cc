#include "apiserver/auth/console_challenges.h"

#include <gtest/gtest.h>

#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

class ConsoleChallengesTest : public testing::Test {
 protected:
  ConsoleChallenges WithKey(const std::string& key, const Clock& clock) {
    return {*store_, clock, random_, [key](std::string_view) { return Result<std::string>(key); }};
  }
  FakeClock clock_;
  SeededRandom random_{7};
  std::shared_ptr<rocksdb::Env> env_ = NewMemoryDisk();
  std::unique_ptr<RocksdbStore> store_ =
      *RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_);
  ConsoleChallenges challenges_ = WithKey("ours", clock_);
};

TEST_F(ConsoleChallengesTest, OneIsGoodForAMinuteAndOnce) {
  const std::string one = *challenges_.Make(), other = *challenges_.Make();
  EXPECT_NE(one, other);
  clock_.Advance(ConsoleChallenges::kTime - 1s);
  EXPECT_TRUE(challenges_.Check(one));
  EXPECT_TRUE(challenges_.Check(one)) << "a look does not use it";
  EXPECT_TRUE(challenges_.Use(one, "jane"));
  EXPECT_EQ(challenges_.Use(one, "jane").error().reason, Reason::kUnauthorized);
  EXPECT_EQ(challenges_.Use(one, "joe").error().reason, Reason::kUnauthorized);
  clock_.Advance(1s);
  EXPECT_EQ(challenges_.Check(other).error().reason, Reason::kUnauthorized);
  EXPECT_EQ(challenges_.Use(other, "jane").error().reason, Reason::kUnauthorized);
}

TEST_F(ConsoleChallengesTest, OneIsGoodAtAllServersAndOnceForAll) {
  const std::string one = *challenges_.Make();
  ConsoleChallenges elsewhere = WithKey("ours", clock_);
  EXPECT_TRUE(elsewhere.Use(one, "jane"));
  EXPECT_EQ(challenges_.Use(one, "jane").error().reason, Reason::kUnauthorized);
  ConsoleChallenges anew = WithKey("ours", clock_);
  EXPECT_EQ(anew.Use(one, "jane").error().reason, Reason::kUnauthorized);
}

TEST_F(ConsoleChallengesTest, NobodyElseMakesOne) {
  const std::string good = *challenges_.Make();
  const auto is_good = [&](const std::string& text) { return challenges_.Check(text).has_value(); };
  ASSERT_TRUE(is_good(good));
  EXPECT_FALSE(is_good(*WithKey("theirs", clock_).Make())) << "another cluster";
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_FALSE(is_good(changed)) << i;
  }
  for (const std::string& text : {std::string(), std::string("."), good + "x", "1" + good}) {
    EXPECT_FALSE(is_good(text)) << text;
  }
}

// As a machine's, which somebody sets.
class SetClock final : public Clock {
 public:
  TimePoint Now() const override { return now; }
  Duration Monotonic() const override { return 0s; }
  TimePoint now{1'700'000'000s};
};

TEST_F(ConsoleChallengesTest, OneOfTheFutureIsOfNoKnownAge) {
  SetClock clock;
  const ConsoleChallenges challenges = WithKey("ours", clock);
  const std::string one = *challenges.Make();
  EXPECT_TRUE(challenges.Check(one));
  clock.now -= 30s;
  EXPECT_FALSE(challenges.Check(one)) << "the clock was put back";
}

TEST_F(ConsoleChallengesTest, ServersWhoseClocksAreApartTakeEachOthersAndOnce) {
  SetClock ahead, behind;
  behind.now -= kServerClocksApartMax;
  ConsoleChallenges early = WithKey("ours", ahead), late = WithKey("ours", behind);
  const std::string one = *early.Make(), other = *early.Make();
  EXPECT_TRUE(late.Use(one, "jane"));
  EXPECT_EQ(early.Use(one, "jane").error().reason, Reason::kUnauthorized);
  EXPECT_TRUE(early.Use(other, "jane"));
  for (SetClock* each : {&ahead, &behind}) each->now += ConsoleChallenges::kTime;
  // Whoever adds one takes away what is over.
  ASSERT_TRUE(early.Use(*early.Make(), "joe"));
  EXPECT_EQ(late.Use(other, "jane").error().reason, Reason::kUnauthorized)
      << "good there, but used";
}

TEST_F(ConsoleChallengesTest, OneUserHasSoManyAMinuteAndTakesNobodyElses) {
  for (size_t i = 0; i < ConsoleChallenges::kUsedMax; ++i) {
    ASSERT_TRUE(challenges_.Use(*challenges_.Make(), "jane"));
  }
  EXPECT_EQ(challenges_.Use(*challenges_.Make(), "jane").error().reason, Reason::kTooManyRequests);
  EXPECT_TRUE(challenges_.Use(*challenges_.Make(), "joe"));
  clock_.Advance(ConsoleChallenges::kTime + kServerClocksApartMax);
  EXPECT_TRUE(challenges_.Use(*challenges_.Make(), "jane"));
}

TEST_F(ConsoleChallengesTest, AllTogetherHaveSoManyAMinute) {
  for (size_t i = 0; i < ConsoleChallenges::kAllUsedMax; ++i) {
    ASSERT_TRUE(challenges_.Use(*challenges_.Make(), "user" + std::to_string(i)));
  }
  EXPECT_EQ(challenges_.Use(*challenges_.Make(), "more").error().reason, Reason::kTooManyRequests);
  clock_.Advance(ConsoleChallenges::kTime + kServerClocksApartMax);
  EXPECT_TRUE(challenges_.Use(*challenges_.Make(), "more"));
}

}  // namespace
}  // namespace skiff
