#include "apiserver/identity/outbound_calls.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "http/server.h"
#include "http/x509_test_certs.h"

namespace skiff {
namespace {

// Answers nobody until it is let go.
class Silent final : public http::Handler {
 public:
  http::Response Handle(const http::Request&) override {
    std::unique_lock lock(mutex_);
    is_asked_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_over_; });
    return {};
  }
  bool AwaitQuestion() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return is_asked_; });
  }
  void LetGo() {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_asked_ = false;
  bool is_over_ = false;
};

TEST(OutboundCalls, WhoWaitsHearsOfTheEndAndNothingBeginsAfterIt) {
  http::Loops loops(1);
  Silent silent;
  const auto server = *http::Server::Start({}, loops, silent);
  OutboundCalls calls(&loops);
  const http::Upstream upstream{.host = "127.0.0.1", .port = server->port()};
  const auto fetch = calls.Begin(upstream, {}, {});
  ASSERT_TRUE(fetch) << fetch.error().message;
  EXPECT_TRUE(silent.AwaitQuestion());
  EXPECT_FALSE((*fetch)->Take());
  calls.Stop();
  const auto answer = (*fetch)->Wait(Fetch::Deadline::max());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "context canceled");
  const auto late = calls.Begin(upstream, {}, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message, "context canceled");
  EXPECT_EQ(calls.loops(), nullptr);
  silent.LetGo();
}

TEST(LongAnswers, HaveWhatOthersLeave) {
  LongAnswers room(100);
  EXPECT_TRUE(room.Take(60));
  EXPECT_FALSE(room.Take(41));
  EXPECT_TRUE(room.Take(40));
  EXPECT_FALSE(room.Take(1));
  room.GiveBack(60);
  EXPECT_TRUE(room.Take(60));
}

TEST(OutboundCalls, LongAnswersAreHeardWhileThereIsRoom) {
  http::Loops loops(1);
  class Long final : public http::Handler {
    http::Response Handle(const http::Request&) override {
      http::Response response;
      response.body = std::string(200, 'a');
      return response;
    }
  } handler;
  const auto server = *http::Server::Start({}, loops, handler);
  const auto room = std::make_shared<LongAnswers>(150);
  const auto begin = [&](size_t more) {
    const auto fetch = std::make_shared<Fetch>(100, nullptr);
    fetch->MayGrow(more, room);
    fetch->Start(loops, {.host = "127.0.0.1", .port = server->port()}, {});
    return fetch;
  };
  const auto error_of = [](const FetchPtr& fetch) {
    const auto answer = fetch->Wait(Fetch::Deadline::max());
    return answer ? "" : answer.error().message;
  };
  EXPECT_EQ(error_of(begin(50)), "the answer is longer than 150 bytes");
  {
    const auto first = begin(100);
    EXPECT_EQ(error_of(first), "");
    EXPECT_EQ(error_of(begin(100)), "the answer is longer than 100 bytes") << "the first has it";
  }
  EXPECT_EQ(error_of(begin(100)), "") << "given back";
}

TEST(OutboundCalls, NobodyIsCalledWithoutLoops) {
  OutboundCalls calls(nullptr);
  EXPECT_EQ(calls.Begin({}, {}, {}).error().message, "this server calls nobody");
}

TEST(OutboundCalls, AContextIsKeptByWhatItIsMadeOf) {
  OutboundCalls calls(nullptr);
  const http::testing::TestAuthority one, other;
  const auto first = calls.ContextFor({.ca_pem = one.certificate_pem()});
  ASSERT_TRUE(first);
  EXPECT_EQ(*calls.ContextFor({.ca_pem = one.certificate_pem()}), *first);
  EXPECT_NE(*calls.ContextFor({.ca_pem = other.certificate_pem()}), *first);
  EXPECT_NE(*calls.ContextFor({.ca_pem = one.certificate_pem(), .insecure = true}), *first);
  EXPECT_FALSE(calls.ContextFor({.ca_pem = "none"}));
}

}  // namespace
}  // namespace skiff
