// How events are written: several at once, of the same one after the other.
#include <gtest/gtest.h>

#include <vector>

#include "api/codec/json.h"
#include "client/recorder.h"
#include "client/transport.h"

namespace skiff {
namespace {

// A server that answers when the test says so.
class EventSinkTest : public testing::Test {
 protected:
  EventSinkTest() { executor_.Add(sink_); }
  ~EventSinkTest() override { executor_.Remove(sink_); }
  void Report(const std::string& message) {
    recorder_.Report({}, EventType::kNormal, "Created", message);
    executor_.RunUntilIdle();
  }
  void AnswerAll(int status) {
    for (const http::LateReplyPtr& reply : std::exchange(kept_, {})) {
      reply->OnLoop([status] {
        http::Response response;
        response.status = status;
        response.body = "{}";
        return response;
      });
    }
    executor_.RunUntilIdle();
  }

  FakeClock clock_;
  SteppedExecutor executor_{clock_, 1};
  std::vector<std::string> asked_;
  std::vector<http::LateReplyPtr> kept_;
  InProcessTransport transport_{
      [](const http::Request&) { return http::Response(); }, InProcessTransport::Bodies::kText,
      [this](const http::Request& request, const http::LateReplyPtr& reply) {
        asked_.push_back(request.method + " " +
                         ParseJson(request.body)->at("message").get<std::string>());
        kept_.push_back(reply);
        return std::optional<http::Response>();
      }};
  Client client_{transport_, "test"};
  EventSink sink_{client_, clock_};
  EventRecorder recorder_{sink_, clock_, "test", ""};
};

TEST_F(EventSinkTest, SeveralAreOnTheWayAtOnceButNotTwoOfTheSame) {
  Report("a");
  Report("b");
  Report("a");
  Report("c");
  EXPECT_EQ(asked_, (std::vector<std::string>{"POST a", "POST b"})) << "and they keep their order";
  AnswerAll(201);
  EXPECT_EQ(asked_, (std::vector<std::string>{"POST a", "POST b", "PATCH a", "POST c"}));
  AnswerAll(200);
  EXPECT_TRUE(kept_.empty());
}

TEST_F(EventSinkTest, ABoundedNumberIsOnTheWay) {
  for (size_t i = 0; i <= EventSink::kAtOnceMax; ++i) {
    core_v1::ObjectReference object;
    object.name = std::to_string(i);
    recorder_.Report(object, EventType::kNormal, "Created", "x");
  }
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_.size(), EventSink::kAtOnceMax);
  AnswerAll(201);
  EXPECT_EQ(asked_.size(), EventSink::kAtOnceMax + 1);
}

TEST_F(EventSinkTest, WhatAServerThatIsAwayDidNotTakeIsWrittenLater) {
  Report("a");
  Report("b");
  AnswerAll(503);
  Report("c");
  EXPECT_EQ(asked_.size(), 2u);
  executor_.RunFor(EventSink::kRetryDelay);
  EXPECT_EQ(asked_, (std::vector<std::string>{"POST a", "POST b", "POST a", "POST b", "POST c"}));
  AnswerAll(403);
  executor_.RunFor(2 * EventSink::kRetryDelay);
  EXPECT_EQ(asked_.size(), 5u) << "a refusal does not become better";
}

}  // namespace
}  // namespace skiff
