#include "e2e/simulation/link.h"

#include <gtest/gtest.h>

#include "client/client.h"
#include "e2e/harness.h"

namespace skiff {
namespace {

using core_v1::Pod;

class LinkTest : public testing::Test {
 protected:
  static TestCluster::Options Options() {
    TestCluster::Options options;
    options.run_controllers = false;
    return options;
  }

  TestCluster cluster_{Options()};
  SeededRandom random_{1};
  Link link_{cluster_.transport(), cluster_.clock(), random_};
  Client client_{link_, "test"};
};

TEST_F(LinkTest, FollowsWhatIsWatchedUnlessTheWatchLagsOrIsCut) {
  EXPECT_FALSE(link_.Follows("pods"));
  auto watch = client_.Watch(Pod::Info(), {});
  ASSERT_TRUE(watch.has_value());
  EXPECT_TRUE(link_.Follows("pods"));
  EXPECT_FALSE(link_.Follows("nodes"));
  link_.StallStreams(3s);
  EXPECT_FALSE(link_.Follows("pods"));
  cluster_.clock().Advance(3s);
  EXPECT_TRUE(link_.Follows("pods"));
  const int breaks = link_.breaks();
  link_.CutStreams();
  EXPECT_FALSE(link_.Follows("pods"));
  EXPECT_EQ(link_.breaks(), breaks + 1);
}

TEST_F(LinkTest, IsWorseForAWhile) {
  EXPECT_FALSE(link_.IsBad());
  link_.Worsen({.loss = 1}, 5s);
  EXPECT_TRUE(link_.IsBad());
  EXPECT_FALSE(client_.List(Pod::Info(), {}).has_value());
  cluster_.clock().Advance(5s);
  EXPECT_FALSE(link_.IsBad());
  EXPECT_TRUE(client_.List(Pod::Info(), {}).has_value());
  link_.Worsen({.loss = 1}, 5s);
  link_.SetFaults({});
  EXPECT_TRUE(client_.List(Pod::Info(), {}).has_value());
}

// Asks once, and notes when it was answered.
class Asker final : public ControlLoop {
 public:
  Asker(Client& client, const Clock& clock) : client_(client), clock_(clock) {}
  Duration Step() override {
    const auto made = client_.List(Pod::Info(), {});
    failed = !made.has_value();
    answered_at = clock_.Monotonic();
    return kNever;
  }

  bool failed = false;
  Duration answered_at = kNever;

 private:
  Client& client_;
  const Clock& clock_;
};

TEST_F(LinkTest, WhoGetsNoAnswerWaitsForIt) {
  WaitingExecutor executor(cluster_.clock());
  link_.WaitIn(executor);
  link_.SetFaults({.loss = 1});
  Asker asker(client_, cluster_.clock());
  executor.Add(asker);
  EXPECT_TRUE(executor.RunOne());
  EXPECT_EQ(asker.answered_at, kNever);
  EXPECT_FALSE(executor.RunOne());
  const Duration due = executor.NextDue();
  cluster_.clock().Advance(due - cluster_.clock().Monotonic());
  EXPECT_TRUE(executor.RunOne());
  EXPECT_TRUE(asker.failed);
  EXPECT_EQ(asker.answered_at, due);
  executor.Remove(asker);
}

// Answers by streams, and knows how many there are.
class Streams final : public Transport {
 public:
  http::Response Send(http::Request) override {
    ++made;
    http::Response response;
    response.stream = std::make_unique<Counted>(open);
    return response;
  }

  int made = 0;
  int open = 0;

 private:
  class Counted final : public http::StreamSource {
   public:
    explicit Counted(int& open) : open_(open) { ++open_; }
    ~Counted() override { --open_; }
    void Attach(http::Waker) override {}
    http::Pulled Pull(size_t, std::vector<http::SharedBytes>&) override {
      return http::Pulled::kIdle;
    }

   private:
    int& open_;
  };
};

TEST_F(LinkTest, AStreamThatIsLostIsGoneBeforeTheWait) {
  Streams streams;
  Link link(streams, cluster_.clock(), random_);
  WaitingExecutor executor(cluster_.clock());
  link.WaitIn(executor);
  link.SetFaults({.loss = 1});
  Client client(link, "test");
  std::vector<std::unique_ptr<Asker>> askers;
  while (streams.made == 0) {
    askers.push_back(std::make_unique<Asker>(client, cluster_.clock()));
    executor.Add(*askers.back());
    EXPECT_TRUE(executor.RunOne());
  }
  EXPECT_EQ(askers.back()->answered_at, kNever);
  EXPECT_EQ(streams.open, 0) << "the server may be gone by the end of the wait";
  for (const auto& asker : askers) executor.Remove(*asker);
}

TEST_F(LinkTest, OthersGoOnWhileOneWaits) {
  WaitingExecutor executor(cluster_.clock());
  link_.WaitIn(executor);
  link_.SetFaults({.loss = 1});
  Asker asker(client_, cluster_.clock());
  executor.Add(asker);
  EXPECT_TRUE(executor.RunOne());
  link_.SetFaults({});
  for (int i = 0; i < 3; ++i) {
    Asker another(client_, cluster_.clock());
    executor.Add(another);
    EXPECT_TRUE(executor.RunOne());
    EXPECT_FALSE(another.failed);
    EXPECT_EQ(another.answered_at, cluster_.clock().Monotonic());
    executor.Remove(another);
  }
  EXPECT_EQ(asker.answered_at, kNever);
  executor.Remove(asker);
  EXPECT_TRUE(asker.failed) << "its step goes on to its end";
}

}  // namespace
}  // namespace skiff
