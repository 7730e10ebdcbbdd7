// How events are written: several at once, of the same one after the other.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "api/codec/json.h"
#include "client/kept_replies_fixture.h"
#include "client/recorder.h"

namespace skiff {
namespace {

class EventSinkTest : public testing::Test {
 protected:
  EventSinkTest() { executor_.Add(sink_); }
  ~EventSinkTest() override { executor_.Remove(sink_); }
  void Report(const std::string& message) {
    recorder_.Report({}, EventType::kNormal, "Created", message);
    executor_.RunUntilIdle();
  }
  // Of `count` objects, each with a name of its own.
  void ReportOf(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      core_v1::ObjectReference object;
      object.name = std::to_string(objects_++);
      recorder_.Report(object, EventType::kNormal, "Created", "of " + object.name);
    }
    executor_.RunUntilIdle();
  }
  // The last of it just after another report: a flood goes on.
  void RunWhileMoreIsTold(Duration length) {
    executor_.RunFor(length - 1ms);
    ReportOf(1);
    executor_.RunFor(1ms);
  }
  // How many are sent where so many are reported and then all on the way are answered.
  size_t SentAfter(size_t reported, int status = 201) {
    ReportOf(reported);
    const size_t asked = server_.asked().size();
    AnswerAll(status);
    return server_.asked().size() - asked;
  }
  void AnswerAll(int status, const std::string& body = "{}") {
    server_.AnswerAll(status, body);
    executor_.RunUntilIdle();
  }

  FakeClock clock_;
  SteppedExecutor executor_{clock_, 1};
  std::vector<int> counts_;  // Of what was sent.
  KeptReplies server_{[this](const http::Request& request) {
    const Json sent = *ParseJson(request.body);
    counts_.push_back(sent.at("count").get<int>());
    return request.method + " " + sent.at("message").get<std::string>();
  }};
  Client client_{server_.transport(), "test"};
  EventSink sink_{client_, clock_};
  EventRecorder recorder_{sink_, clock_, "test", ""};
  size_t objects_ = 0;
};

TEST_F(EventSinkTest, SeveralAreOnTheWayAtOnceButNotTwoOfTheSame) {
  Report("a");
  Report("b");
  Report("a");
  Report("c");
  EXPECT_EQ(server_.asked(), (std::vector<std::string>{"POST a", "POST b"}))
      << "and they keep their order";
  AnswerAll(201);
  EXPECT_EQ(server_.asked(), (std::vector<std::string>{"POST a", "POST b", "PATCH a", "POST c"}));
  AnswerAll(200);
  EXPECT_TRUE(server_.empty());
}

TEST_F(EventSinkTest, ABoundedNumberIsOnTheWay) {
  ReportOf(EventSink::kAtOnceMax + 1);
  EXPECT_EQ(server_.asked().size(), EventSink::kAtOnceMax);
  EXPECT_EQ(SentAfter(0), 1u);
}

TEST_F(EventSinkTest, OfAFloodFewAreOnTheWayUntilNoneWaits) {
  ReportOf(EventSink::kFloodWaiting + 1);
  EXPECT_EQ(server_.asked().size(), EventSink::kAtOnceInFloodMax);
  while (server_.asked().size() < objects_) {
    ASSERT_EQ(SentAfter(0), EventSink::kAtOnceInFloodMax);
  }
  AnswerAll(201);
  ASSERT_TRUE(server_.empty());
  ReportOf(EventSink::kFloodWaiting / 2);
  EXPECT_EQ(server_.asked().size(), EventSink::kFloodWaiting + 1 + EventSink::kAtOnceMax);
  while (!server_.empty()) AnswerAll(201);
  EXPECT_EQ(server_.asked().size(), objects_) << "none was dropped";
}

// More than few at once carry, but not more than many do.
TEST_F(EventSinkTest, WhereMuchIsToldForLongItIsWritten) {
  constexpr size_t kTold = (EventSink::kAtOnceInFloodMax + EventSink::kAtOnceMax) / 2;
  ReportOf(EventSink::kQueueMax);
  clock_.Advance(EventSink::kFloodSlowMax - 1s);
  EXPECT_EQ(SentAfter(kTold), EventSink::kAtOnceInFloodMax);
  clock_.Advance(1s);
  // Until all that had come together is written.
  constexpr size_t kRounds = EventSink::kQueueMax / (EventSink::kAtOnceMax - kTold) + 1;
  for (size_t round = 0; round < kRounds; ++round) SentAfter(kTold);
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(SentAfter(kTold), 0u) << "all that is told goes at once";
    ASSERT_TRUE(server_.empty());
  }
  ReportOf(2 * EventSink::kQueueMax);
  SentAfter(0);
  EXPECT_EQ(SentAfter(0), EventSink::kAtOnceInFloodMax) << "that is another flood";
}

TEST_F(EventSinkTest, WhatWaitsIsWrittenAsSoonAsNothingMoreIsTold) {
  ReportOf(EventSink::kQueueMax);
  clock_.Advance(EventSink::kQuiet - 1ms);
  EXPECT_EQ(SentAfter(1), EventSink::kAtOnceInFloodMax);
  clock_.Advance(EventSink::kQuiet - 1ms);
  EXPECT_EQ(SentAfter(0), EventSink::kAtOnceInFloodMax) << "something was told since";
  clock_.Advance(1ms);
  EXPECT_EQ(SentAfter(0), EventSink::kAtOnceMax);
  while (!server_.empty()) AnswerAll(201);
  EXPECT_EQ(server_.asked().size(), objects_) << "none was dropped";
}

TEST_F(EventSinkTest, OfAFloodFewAreTriedAgainAtOnce) {
  ReportOf(EventSink::kAtOnceMax);
  AnswerAll(503);
  ReportOf(EventSink::kQueueMax);
  EXPECT_EQ(server_.asked().size(), EventSink::kAtOnceMax);
  RunWhileMoreIsTold(EventSink::kRetryDelay);
  EXPECT_EQ(server_.asked().size(), EventSink::kAtOnceMax + EventSink::kAtOnceInFloodMax);
}

TEST_F(EventSinkTest, WhatIsTriedAgainDoesNotKeepTheRestOfAFloodForLong) {
  ReportOf(EventSink::kAtOnceInFloodMax);
  AnswerAll(503);
  ReportOf(EventSink::kQueueMax);
  const std::string next = "POST of " + std::to_string(EventSink::kAtOnceInFloodMax);
  for (Duration passed{}; passed <= EventSink::kFloodSlowMax; passed += EventSink::kRetryDelay) {
    EXPECT_EQ(std::ranges::count(server_.asked(), next), 0);
    RunWhileMoreIsTold(EventSink::kRetryDelay);
    if (passed < EventSink::kFloodSlowMax) AnswerAll(503);
  }
  EXPECT_EQ(std::ranges::count(server_.asked(), next), 1);
}

TEST_F(EventSinkTest, WhatAServerThatIsAwayDidNotTakeIsWrittenLater) {
  Report("a");
  Report("b");
  AnswerAll(503);
  Report("c");
  EXPECT_EQ(server_.asked().size(), 2u);
  executor_.RunFor(EventSink::kRetryDelay);
  EXPECT_EQ(server_.asked(),
            (std::vector<std::string>{"POST a", "POST b", "POST a", "POST b", "POST c"}));
  AnswerAll(403);
  executor_.RunFor(2 * EventSink::kRetryDelay);
  EXPECT_EQ(server_.asked().size(), 5u) << "a refusal does not become better";
}

TEST_F(EventSinkTest, WhatIsGoneAtTheServerIsWrittenAnewWithItsCount) {
  Report("a");
  AnswerAll(201);
  Report("a");
  AnswerAll(404, R"({"kind":"Status","reason":"NotFound","code":404})");
  ASSERT_EQ(server_.asked(), (std::vector<std::string>{"POST a", "PATCH a", "POST a"}));
  AnswerAll(201);
  Report("a");
  EXPECT_EQ(counts_, (std::vector<int>{1, 2, 2, 3}));
}

constexpr char kTaken[] = R"({"kind":"Status","reason":"AlreadyExists","code":409})";

TEST_F(EventSinkTest, WhatWasWrittenThoughItsAnswerWasLostIsNotWrittenTwice) {
  Report("a");
  AnswerAll(500);
  executor_.RunFor(EventSink::kRetryDelay);
  AnswerAll(409, kTaken);
  EXPECT_EQ(server_.asked(), (std::vector<std::string>{"POST a", "POST a"}));
  Report("a");
  EXPECT_EQ(server_.asked().back(), "PATCH a");
}

TEST_F(EventSinkTest, ANameThatAnotherEventHasIsLeftToIt) {
  Report("a");
  AnswerAll(409, kTaken);
  EXPECT_EQ(server_.asked().size(), 2u);
  AnswerAll(201);
  EXPECT_TRUE(server_.empty());
}

}  // namespace
}  // namespace skiff
