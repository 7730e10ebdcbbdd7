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
  void AnswerAll(int status) {
    server_.AnswerAll(status);
    executor_.RunUntilIdle();
  }

  FakeClock clock_;
  SteppedExecutor executor_{clock_, 1};
  KeptReplies server_{[](const http::Request& request) {
    return request.method + " " + ParseJson(request.body)->at("message").get<std::string>();
  }};
  Client client_{server_.transport(), "test"};
  EventSink sink_{client_, clock_};
  EventRecorder recorder_{sink_, clock_, "test", ""};
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
  for (size_t i = 0; i <= EventSink::kAtOnceMax; ++i) {
    core_v1::ObjectReference object;
    object.name = std::to_string(i);
    recorder_.Report(object, EventType::kNormal, "Created", "x");
  }
  executor_.RunUntilIdle();
  EXPECT_EQ(server_.asked().size(), EventSink::kAtOnceMax);
  AnswerAll(201);
  EXPECT_EQ(server_.asked().size(), EventSink::kAtOnceMax + 1);
}

TEST_F(EventSinkTest, OfAFloodFewAreOnTheWayUntilItIsOver) {
  for (size_t i = 0; i < EventSink::kQueueMax; ++i) {
    core_v1::ObjectReference object;
    object.name = std::to_string(i);
    recorder_.Report(object, EventType::kNormal, "Created", "x");
  }
  executor_.RunUntilIdle();
  EXPECT_EQ(server_.asked().size(), 8u);
  size_t asked = 0, most = 0;
  for (size_t round = 0; !server_.empty() && round < EventSink::kQueueMax; ++round) {
    most = std::max(most, server_.asked().size() - asked);
    asked = server_.asked().size();
    AnswerAll(201);
  }
  EXPECT_EQ(server_.asked().size(), EventSink::kQueueMax) << "none is dropped";
  EXPECT_EQ(most, EventSink::kAtOnceMax);
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

}  // namespace
}  // namespace skiff
