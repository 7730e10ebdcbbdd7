// How those that waited for their turn are answered.
#include <optional>

#include "apiserver/flow_control/entrance_fixture.h"

namespace skiff::flow_control {
namespace {

// No thread waits with it: another begins, and its answer is made where its connection is.
TEST_F(EntranceTest, AKeptRequestMayBeAnsweredLater) {
  Open({.read_slots = 4, .write_slots = 4});
  const int held = Fill(PersonOf("alice"));
  ASSERT_GT(held, 0);
  Asked& asked = Make(PersonOf("alice"), "/api/v1/namespaces/a/pods/p");
  Pass pass = entrance_->Enter(asked.question());
  ASSERT_EQ(pass.state(), Pass::State::kMustWait);
  std::promise<http::LateReplyPtr> left;
  auto response = entrance_->Wait(
      std::move(pass), asked.question(),
      [&](const auto&, Pass, const http::LateReplyPtr& reply) -> std::optional<http::Response> {
        left.set_value(reply);
        return std::nullopt;
      });
  ASSERT_NE(response.pending, nullptr);
  std::vector<http::Response> answers;
  response.pending->Start([&](http::Response late) { answers.push_back(std::move(late)); });
  in_hand_.clear();
  http::LateReplyPtr reply = left.get_future().get();
  EXPECT_TRUE(answers.empty());
  int made = 0;
  reply->OnLoop([&made] {
    ++made;
    http::Response answer;
    answer.status = 201;
    return answer;
  });
  reply = nullptr;
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(made, 0) << "that is the loop's work";
  std::vector<int> codes;
  ASSERT_NE(answers[0].pending, nullptr);
  answers[0].pending->Start([&](http::Response late) { codes.push_back(late.status); });
  EXPECT_EQ(codes, std::vector<int>{201});
  EXPECT_EQ(made, 1);
  entrance_->Stop();
}

// Of the time that it gives itself, which begins when its head is there: its body may come late.
TEST_F(EntranceTest, AFourthOfItsTimeIsWaitedFromWhenARequestArrived) {
  AddLevel("small", "ann", {{"queues", 1}, {"handSize", 1}, {"queueLengthLimit", 10}});
  Fill(PersonOf("ann"));
  clock_.Advance(100s);
  const std::string pod = "/api/v1/namespaces/a/pods/p";
  const auto wait = [&](const std::string& target, Duration before) -> Waiting& {
    return Wait(PersonOf("ann"), target, "", clock_.Monotonic() - before);
  };
  Waiting& prompt = wait(pod + "?timeout=20s", 0s);
  Waiting& slow = wait(pod + "?timeout=20s", 3s);
  Waiting& over = wait(pod + "?timeout=20s", 30s);
  entrance_->Step();
  EXPECT_TRUE(IsAnswered(over));
  clock_.Advance(2s);
  entrance_->Step();
  EXPECT_TRUE(IsAnswered(slow));
  EXPECT_FALSE(IsAnswered(prompt));
  clock_.Advance(3s);
  entrance_->Step();
  EXPECT_TRUE(IsAnswered(prompt));
}

// Who waits for the disk lets another use the processor, whoever finds out that it has to.
TEST_F(EntranceTest, WhoWaitsForTheDiskLetsAnotherBeJudged) {
  Open({.read_slots = 4, .write_slots = 24, .judging_slots = 4});
  const auto write = [this] {
    Asked& asked = Make(PersonOf("alice"), "/api/v1/namespaces/a/pods", "POST");
    return entrance_->Enter(asked.question());
  };
  Pass first = write();
  Pass second = write();
  ASSERT_EQ(second.state(), Pass::State::kIn);
  EXPECT_EQ(write().state(), Pass::State::kMustWait) << "a flow alone has half of them";
  {
    const AtWork at_work(first);
    AtWork::Waits();
    AtWork::Waits();
  }
  AtWork::Waits();
  Pass third = write();
  EXPECT_EQ(third.state(), Pass::State::kIn);
  EXPECT_EQ(write().state(), Pass::State::kMustWait);
}

}  // namespace
}  // namespace skiff::flow_control
