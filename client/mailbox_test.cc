#include "client/mailbox.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "client/transport.h"

namespace skiff {
namespace {

http::Response Answer(int status) {
  http::Response response;
  response.status = status;
  return response;
}

// A server that answers when the test says so.
class MailboxTest : public testing::Test {
 protected:
  void Send(Mailbox& answers) {
    answers.Send(transport_, {}, [this](http::Response response) {
      called_.push_back(response.status);
      by_.push_back(std::this_thread::get_id());
    });
  }
  void AnswerNext(int status) {
    const http::LateReplyPtr reply = std::move(kept_.front());
    kept_.erase(kept_.begin());
    reply->OnLoop([this, status] {
      ++made_;
      return Answer(status);
    });
  }

  std::vector<http::LateReplyPtr> kept_;
  std::vector<int> called_;
  std::vector<std::thread::id> by_;
  int made_ = 0;
  int woken_ = 0;
  InProcessTransport transport_{
      [](const http::Request&) { return Answer(200); }, InProcessTransport::Bodies::kText,
      [this](const http::Request&, const http::LateReplyPtr& reply) {
        kept_.push_back(reply);
        return std::optional<http::Response>();
      }};
};

TEST_F(MailboxTest, AnAnswerWakesItsOwnerAndIsMadeWhenItIsDelivered) {
  Mailbox answers([this] { ++woken_; });
  Send(answers);
  Send(answers);
  answers.Deliver();
  EXPECT_TRUE(called_.empty());
  AnswerNext(201);
  EXPECT_EQ(woken_, 1);
  EXPECT_EQ(made_, 0) << "the thread that answers has no time for that";
  answers.Deliver();
  EXPECT_EQ(called_, std::vector<int>{201});
  AnswerNext(409);
  answers.Deliver();
  answers.Deliver();
  EXPECT_EQ(called_, (std::vector<int>{201, 409}));
}

TEST_F(MailboxTest, NobodyIsCalledOrWokenOnceItIsGone) {
  {
    Mailbox answers([this] { ++woken_; });
    Send(answers);
    Send(answers);
    AnswerNext(200);
  }
  AnswerNext(200);
  EXPECT_EQ(woken_, 1);
  EXPECT_EQ(made_, 0);
  EXPECT_TRUE(called_.empty());
}

TEST_F(MailboxTest, WhoeverIsWokenFindsItFree) {
  std::jthread owner;
  std::promise<void> looked;
  std::future_status looks = std::future_status::timeout;
  std::unique_ptr<Mailbox> answers;
  answers = std::make_unique<Mailbox>([&] {
    owner = std::jthread([&] {
      answers->Deliver();
      looked.set_value();
    });
    looks = looked.get_future().wait_for(std::chrono::seconds(10));
  });
  Send(*answers);
  AnswerNext(200);
  EXPECT_EQ(looks, std::future_status::ready);
  owner.join();
  EXPECT_EQ(called_, std::vector<int>{200});
}

TEST_F(MailboxTest, ItIsThereUntilWhoWakesItsOwnerIsDone) {
  std::promise<void> wakes, goes_on, gone;
  auto answers = std::make_unique<Mailbox>([&] {
    wakes.set_value();
    goes_on.get_future().wait();
    ++woken_;
  });
  Send(*answers);
  std::jthread server([this] { AnswerNext(200); });
  wakes.get_future().wait();
  std::jthread owner([&] {
    answers.reset();
    EXPECT_EQ(woken_, 1);
    gone.set_value();
  });
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::milliseconds(20)),
            std::future_status::timeout);
  goes_on.set_value();
}

TEST_F(MailboxTest, WhoeverWaitsIsCalledOnHisOwnThread) {
  Mailbox answers;
  for (int i = 0; i < 3; ++i) Send(answers);
  const std::jthread server([this] {
    while (!kept_.empty()) AnswerNext(200);
  });
  answers.Settle();
  EXPECT_EQ(called_, std::vector<int>(3, 200));
  EXPECT_EQ(by_, std::vector<std::thread::id>(3, std::this_thread::get_id()));
}

TEST_F(MailboxTest, ThereIsRoomForSoManyUntilSomeAreDelivered) {
  Mailbox answers([this] { ++woken_; });
  for (int i = 0; i < Mailbox::kOnTheWayMax; ++i) {
    EXPECT_TRUE(answers.HasRoom());
    Send(answers);
  }
  EXPECT_FALSE(answers.HasRoom());
  AnswerNext(200);
  EXPECT_FALSE(answers.HasRoom()) << "what is due takes room as well";
  answers.Deliver();
  EXPECT_TRUE(answers.HasRoom());
}

TEST_F(MailboxTest, ARequestThatNobodyAnsweredHasAnAnswerToo) {
  Mailbox answers([this] { ++woken_; });
  Send(answers);
  kept_.clear();
  answers.Deliver();
  EXPECT_EQ(called_, std::vector<int>{502});
}

// As over the network: it is there when the request has been sent, and no step is wanted for it.
TEST_F(MailboxTest, AnAnswerThatIsThereAtOnceWakesNobody) {
  InProcessTransport waits([](const http::Request&) { return Answer(200); });
  Mailbox answers([this] { ++woken_; });
  answers.Send(waits, {}, [this](http::Response response) { called_.push_back(response.status); });
  EXPECT_TRUE(called_.empty());
  answers.Deliver();
  EXPECT_EQ(called_, std::vector<int>{200});
  EXPECT_EQ(woken_, 0);
}

}  // namespace
}  // namespace skiff
