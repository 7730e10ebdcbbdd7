// The reflector against a server that fails: what a real one does is tested in e2e/.
#include "client/reflector.h"

#include <gtest/gtest.h>

#include <deque>

#include "api/gen/core_v1.h"
#include "client/transport.h"

namespace skiff {
namespace {

// Streams that the test feeds and closes.
struct Feed {
  std::deque<std::string> lines;
  bool ended = false;
  http::Waker waker;
};

class FedStream final : public http::StreamSource {
 public:
  explicit FedStream(Feed& feed) : feed_(feed) {}
  void Attach(http::Waker waker) override { feed_.waker = std::move(waker); }
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
    while (!feed_.lines.empty()) {
      out.push_back(std::make_shared<const std::string>(feed_.lines.front() + "\n"));
      feed_.lines.pop_front();
    }
    return feed_.ended ? http::Pulled::kEnd : http::Pulled::kIdle;
  }

 private:
  Feed& feed_;
};

class ReflectorTest : public testing::Test, public ReflectorSink {
 protected:
  ReflectorTest()
      : transport_([this](const http::Request& request) { return Answer(request); }),
        client_(transport_, "test"),
        reflector_({client_, clock_, random_}, core_v1::Pod::Info(), {}, *this) {
    executor_.Add(reflector_);
  }
  ~ReflectorTest() override { executor_.Remove(reflector_); }

  http::Response Answer(const http::Request& request) {
    http::Response response;
    if (failing_) {
      response.status = failure_;
      ++failed_;
    } else if (request.HasQuery("watch") && expiring_) {
      response.status = 410;
    } else if (request.HasQuery("watch")) {
      watched_from_.emplace_back(*request.Query("resourceVersion"));
      feed_ = {};
      response.stream = std::make_unique<FedStream>(feed_);
    } else {
      ++lists_;
      response.body = list_;
    }
    return response;
  }

  void Replace(std::vector<RawJson> items, const std::string& resource_version) override {
    replaced_.push_back(std::to_string(items.size()) + "@" + resource_version);
  }
  void Apply(WatchEvent event) override {
    applied_.push_back(event.object.Parse()["metadata"].value("name", ""));
  }

  void Send(const std::string& line) {
    feed_.lines.push_back(line);
    feed_.waker();
  }

  FakeClock clock_;
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  InProcessTransport transport_;
  Client client_;
  bool failing_ = false;
  bool expiring_ = false;  // Watches, as soon as they begin.
  int failure_ = 503;
  int failed_ = 0;
  int lists_ = 0;
  std::string list_ = R"({"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a"}}]})";
  Feed feed_;
  std::vector<std::string> watched_from_;
  std::vector<std::string> replaced_;
  std::vector<std::string> applied_;
  Reflector reflector_;
};

TEST_F(ReflectorTest, ListsThenWatchesFromTheListsRevision) {
  ASSERT_TRUE(executor_.RunUntilIdle());
  EXPECT_TRUE(reflector_.synced());
  EXPECT_EQ(replaced_, std::vector<std::string>{"1@5"});
  EXPECT_EQ(watched_from_, std::vector<std::string>{"5"});
  Send(R"({"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"6"}}})");
  ASSERT_TRUE(executor_.RunUntilIdle());
  EXPECT_EQ(applied_, std::vector<std::string>{"a"});
}

TEST_F(ReflectorTest, AWatchThatFallsSilentIsOpenedAgain) {
  ASSERT_TRUE(executor_.RunUntilIdle());
  for (int minute = 0; minute < 5; ++minute) {
    executor_.RunFor(60s);
    Send(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}})");
    ASSERT_TRUE(executor_.RunUntilIdle());
  }
  EXPECT_EQ(watched_from_, std::vector<std::string>{"5"});
  executor_.RunFor(155s);
  EXPECT_EQ(watched_from_, (std::vector<std::string>{"5", "9"}));
  EXPECT_EQ(lists_, 1);
}

TEST_F(ReflectorTest, AClosedWatchGoesOnWhereItWasWithoutAList) {
  ASSERT_TRUE(executor_.RunUntilIdle());
  Send(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}})");
  feed_.ended = true;
  feed_.waker();
  ASSERT_TRUE(executor_.RunUntilIdle());
  EXPECT_EQ(watched_from_, (std::vector<std::string>{"5", "9"}));
  EXPECT_EQ(lists_, 1);
}

TEST_F(ReflectorTest, AnExpiredWatchListsAgainAtOnce) {
  ASSERT_TRUE(executor_.RunUntilIdle());
  list_ = R"({"metadata":{"resourceVersion":"20"},"items":[]})";
  Send(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})");
  ASSERT_TRUE(executor_.RunUntilIdle());
  EXPECT_EQ(replaced_, (std::vector<std::string>{"1@5", "0@20"}));
  EXPECT_EQ(watched_from_.back(), "20");
}

TEST_F(ReflectorTest, AServerWhoseWatchesAllExpireIsAskedLessAndLessOften) {
  expiring_ = true;
  executor_.RunFor(10min);
  EXPECT_GT(lists_, 10);
  EXPECT_LT(lists_, 40);
  expiring_ = false;
  executor_.RunFor(1min);
  EXPECT_EQ(watched_from_.size(), 1u);
  // One that has lasted begins anew.
  const int before = lists_;
  Send(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})");
  ASSERT_TRUE(executor_.RunUntilIdle());
  EXPECT_EQ(lists_, before + 1);
}

TEST_F(ReflectorTest, AServerThatIsDownIsAskedLessAndLessOften) {
  failing_ = true;
  executor_.RunFor(10min);
  // 800 ms doubled up to 30 s, each with up to as much again.
  EXPECT_GT(failed_, 12);
  EXPECT_LT(failed_, 30);
  failing_ = false;
  executor_.RunFor(61s);
  EXPECT_TRUE(reflector_.synced());
}

TEST_F(ReflectorTest, AServerThatIsBusyIsToldOfOnceItHasBeenForLong) {
  failing_ = true;
  failure_ = 429;
  testing::internal::CaptureStderr();
  executor_.RunFor(10s);
  EXPECT_GT(failed_, 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  executor_.RunFor(20min);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("list or watch ended"), std::string::npos);
  failing_ = false;
  executor_.RunFor(61s);
  EXPECT_TRUE(reflector_.synced());
}

}  // namespace
}  // namespace skiff
