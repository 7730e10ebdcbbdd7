// Which revision was the newest at a moment, over an etcd that others may write to as well.
#include <gmock/gmock.h>

#include "apiserver/storage/etcd_compactor.h"
#include "apiserver/storage/etcd_test_host.h"

namespace skiff {
namespace {

// Waits take their time; what is written does not.
class WallClock final : public Clock {
 public:
  TimePoint Now() const override { return wall_.Now(); }
  Duration Monotonic() const override { return system_.Monotonic(); }
  void Advance(Duration step) { wall_.Advance(step); }

 private:
  FakeClock wall_;
  SystemClock system_;
};

class EtcdWriteTimesTest : public testing::Test {
 protected:
  EtcdWriteTimesTest() : store_(Open()) {}
  std::unique_ptr<EtcdStore> Open(const std::string& prefix = "/registry") {
    return OpenEtcdStore({.client = host_.Client(), .prefix = prefix}, clock_);
  }
  Revision Put(const std::string& name = "x") {
    const auto written = store_->Apply({.key = "/registry/pods/" + name, .value = "v"});
    EXPECT_TRUE(written);
    return written ? written->revision : Revision{};
  }
  // As kube-apiserver does, which knows of no times.
  Revision PutByOthers() {
    etcd::TxnRequest txn;
    txn.add_success()->mutable_request_put()->set_key("/registry/pods/theirs");
    return RevisionFrom(store_->client().Transact(txn)->header().revision());
  }
  StoreMoment At(TimePoint moment) {
    const auto found = store_->At(moment);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : StoreMoment{};
  }
  static void ExpectExactly(Revision revision, const StoreMoment& found) {
    EXPECT_EQ(found.revision, revision);
    EXPECT_FALSE(found.is_oldest);
    EXPECT_FALSE(found.sure_until);
  }

  EtcdHost host_;
  WallClock clock_;
  const TimePoint begin_ = clock_.Now();
  std::unique_ptr<EtcdStore> store_;
};

TEST_F(EtcdWriteTimesTest, KnowsTheRevisionOfAMoment) {
  std::vector<Revision> written;
  for (int i = 0; i < 40; ++i) {
    written.push_back(Put());
    clock_.Advance(1s);
  }
  ExpectExactly(written[0], At(begin_));
  ExpectExactly(written[7], At(begin_ + 7500ms));
  ExpectExactly(written[39], At(clock_.Now()));
  const StoreMoment before = At(begin_ - 1s);
  EXPECT_TRUE(before.is_oldest) << "of a new etcd nothing was forgotten";
  EXPECT_EQ(before.revision, Revision{1});
  EXPECT_EQ(before.at, begin_);
  clock_.Advance(1h);
  store_ = Open();
  ExpectExactly(written[39], At(clock_.Now() - 30min));
  ExpectExactly(written[20], At(begin_ + 20s));
}

TEST_F(EtcdWriteTimesTest, NothingWasWrittenYet) {
  const StoreMoment found = At(clock_.Now());
  EXPECT_EQ(found.revision, Revision{1});
  EXPECT_TRUE(found.is_oldest);
  EXPECT_FALSE(found.at);
}

TEST_F(EtcdWriteTimesTest, ADeleteHasATimeAndOneOfNothingIsNoWrite) {
  Put();
  clock_.Advance(1s);
  const auto erased = store_->Apply({.key = "/registry/pods/x"});
  ASSERT_TRUE(erased);
  clock_.Advance(1s);
  const auto missed = store_->Apply({.key = "/registry/pods/x"});
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().reason, Reason::kNotFound);
  const Revision next = Put();
  EXPECT_EQ(next.value, erased->revision.value + 1);
  ExpectExactly(erased->revision, At(begin_ + 1s));
}

TEST_F(EtcdWriteTimesTest, OfWhatOthersWroteItSaysHowFarItIsSure) {
  const Revision ours = Put();
  clock_.Advance(10s);
  const Revision theirs = PutByOthers();
  ASSERT_EQ(theirs.value, ours.value + 1);
  for (const TimePoint moment : {begin_ + 2s, clock_.Now()}) {
    EXPECT_EQ(At(moment).revision, ours);
    EXPECT_EQ(At(moment).sure_until, begin_);
  }
  clock_.Advance(10s);
  const Revision next = Put();
  EXPECT_EQ(At(begin_ + 15s).revision, ours);
  EXPECT_EQ(At(begin_ + 15s).sure_until, begin_);
  ExpectExactly(next, At(clock_.Now()));
}

TEST_F(EtcdWriteTimesTest, WhatIsOlderThanThePastThatIsKept) {
  Put();
  clock_.Advance(1min);
  const Revision second = Put();
  clock_.Advance(1min);
  const Revision third = Put();
  clock_.Advance(1min);
  Put();
  ASSERT_TRUE(store_->Compact(third));
  for (const auto& another : {Open(), Open("/elsewhere")}) ASSERT_TRUE(another);
  const StoreMoment found = At(begin_ + 90s);
  EXPECT_EQ(found.revision, third);
  EXPECT_TRUE(found.is_oldest);
  EXPECT_EQ(found.at, begin_ + 2min);
  EXPECT_LT(second, found.revision);
  ExpectExactly(third, At(begin_ + 2min));
}

TEST_F(EtcdWriteTimesTest, SaysWhatItCannotTellOfAnEtcdFromBeforeItKeptTimes) {
  PutByOthers();
  PutByOthers();
  EXPECT_EQ(store_->At(clock_.Now()).error().reason, Reason::kNotFound);
  clock_.Advance(1s);
  const Revision first = Put();
  EXPECT_EQ(store_->At(begin_).error().reason, Reason::kNotFound);
  ExpectExactly(first, At(clock_.Now()));
}

TEST_F(EtcdWriteTimesTest, WhoCompactsWritesATimeAsWell) {
  EtcdCompactor compactor(*store_, clock_, 1ms);
  const Revision put = Put();
  clock_.Advance(1min);
  while (store_->Current() == put) EXPECT_GT(compactor.Step(), 0s);
  EXPECT_FALSE(At(clock_.Now()).sure_until);
}

// Also where all keys of the etcd are ours.
class EtcdWriteTimesUnderTest : public EtcdWriteTimesTest,
                                public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Prefixes, EtcdWriteTimesUnderTest, testing::Values("/registry", "/a", ""),
                         [](const auto& info) { return "Prefix" + std::to_string(info.index); });

TEST_P(EtcdWriteTimesUnderTest, NoListAndNoWatchShowsTheTimes) {
  store_ = Open(GetParam());
  auto cursor = store_->Watch("", store_->Current(), nullptr);
  ASSERT_TRUE(cursor);
  const Revision put = Put();
  std::vector<EventPtr> events;
  ASSERT_TRUE((*cursor)->Next(1000, events));
  ASSERT_EQ(events.size(), 1u);
  Put("y");
  for (const Revision at : {Revision{}, put}) {
    const auto page = store_->List({.prefix = "/registry/", .at = at});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->records.size(), at == put ? 1u : 2u);
  }
  EXPECT_EQ(*store_->CountAny("/registry/"), 2u);
  cursor->reset();
  store_ = Open(GetParam());
  EXPECT_EQ(*store_->CountAny("/registry/"), 2u) << "nor does one that starts anew";
}

}  // namespace
}  // namespace skiff
