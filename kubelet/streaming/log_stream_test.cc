#include "kubelet/streaming/log_stream.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "kubelet/cri_fake.h"

namespace skiff::kubelet {
namespace {

class LogStreamTest : public testing::Test {
 protected:
  LogStreamTest() {
    char name[] = "/tmp/skiff-log-stream-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    path_ = directory_ + "/0.log";
    log_.open(path_);
  }
  ~LogStreamTest() override {
    stream_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Write(const std::string& text) {
    log_ << "2026-01-02T03:04:05.000000000Z stdout F " << text << "\n" << std::flush;
  }
  void Rotate() {
    std::filesystem::rename(path_, path_ + ".1");
    log_.close();
    log_.open(path_);
  }
  void Open(LogOptions options) {
    auto opened = LogStream::Open(path_, options, loops_, container_);
    ASSERT_TRUE(opened) << opened.error().message;
    stream_ = std::move(*opened);
    stream_->Attach([this] {
      MutexLock lock(mutex_);
      woken_ = true;
      changed_.notify_all();
    });
  }
  // What comes until there is nothing now.
  std::string Read() {
    std::string text;
    std::vector<http::SharedBytes> chunks;
    do {
      pulled_ = stream_->Pull(4096, chunks);
    } while (pulled_ == http::Pulled::kMore);
    for (const auto& chunk : chunks) text += *chunk;
    return text;
  }
  // The same after having been woken, until `text` is there.
  std::string ReadWoken(const std::string& wanted) {
    std::string text;
    while (text.size() < wanted.size()) {
      {
        MutexLock lock(mutex_);
        if (!changed_.wait_for(lock, 10s, [this]() REQUIRES(mutex_) { return woken_; })) break;
        woken_ = false;
      }
      text += Read();
    }
    return text;
  }

  std::string directory_, path_;
  std::ofstream log_;
  Mutex mutex_;
  CondVar changed_;
  bool woken_ GUARDED_BY(mutex_) = false;
  http::Loops loops_;
  std::shared_ptr<FollowedContainer> container_ =
      std::make_shared<FollowedContainer>("c1", /*watch=*/std::make_shared<int>());
  std::unique_ptr<LogStream> stream_;
  http::Pulled pulled_{};
};

TEST_F(LogStreamTest, TheTailOfALongLogBeginsWithAWholeLine) {
  // Lines of three parts each; windows of what is read backwards begin anywhere among them.
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    for (const char* tag : {"P", "P", "F"}) {
      text += std::string("2026-01-02T03:04:05.000000000Z stdout ") + tag + " " +
              std::to_string(i) + std::string(static_cast<size_t>(i % 97), 'x') + "\n";
    }
  }
  log_ << text << std::flush;
  for (const int64_t lines : {1, 150, 151, 152, 153, 154, 155, 300, 301, 302, 2999, 3000, 5000}) {
    Open({.tail_lines = lines});
    const std::string shown = Read();
    EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), std::min<int64_t>(lines, 3000));
    const std::string first = std::to_string(std::max<int64_t>(0, 3000 - lines));
    EXPECT_EQ(shown.substr(0, first.size()), first) << lines;
  }
  Open({.tail_lines = 0});
  EXPECT_EQ(Read(), "");
}

TEST_F(LogStreamTest, TheTailOfALogMayBeLongerThanIsHeld) {
  const std::string text(1000, 'x');
  // Each third line is in two parts.
  for (off_t bytes = 0; bytes < LogStream::kTailMax + (1 << 20); bytes += 4000) {
    Write("a" + text);
    Write("b" + text);
    log_ << "2026-01-02T03:04:05.000000000Z stdout P c" << text << "\n";
    Write(text);
  }
  Write("last");
  constexpr int64_t kLines = 12'600;
  Open({.tail_lines = kLines});
  const std::string tail = Read();
  EXPECT_EQ(std::count(tail.begin(), tail.end(), '\n'), kLines);
  EXPECT_TRUE(tail.starts_with("b" + text)) << tail.substr(0, 10);
  EXPECT_TRUE(tail.ends_with("\nlast\n"));
  Open({.tail_lines = 1'000'000});
  EXPECT_TRUE(Read().starts_with("a" + text));
}

// The loop that reads for all streams of a node.
TEST_F(LogStreamTest, WhatNobodyWantsIsReadInTurnsToo) {
  const std::string text(1000, 'x');
  for (size_t bytes = 0; bytes < 2 * LogStream::kReadAtOnceMax; bytes += text.size()) Write(text);
  Write("last");
  Open({.since = TimePoint::max()});
  std::vector<http::SharedBytes> chunks;
  EXPECT_EQ(stream_->Pull(4096, chunks), http::Pulled::kMore);
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(pulled_, http::Pulled::kEnd);
}

TEST_F(LogStreamTest, OnlyARegularFileIsALogAndNobodyWaitsForAnother) {
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const auto opened = LogStream::Open(path_, {}, loops_, container_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, Reason::kNotFound);
}

TEST_F(LogStreamTest, WithoutFollowingItEndsWithTheFile) {
  Write("one");
  Write("two");
  Open({.tail_lines = 1});
  EXPECT_EQ(Read(), "two\n");
  EXPECT_EQ(pulled_, http::Pulled::kEnd);
}

TEST(LogFileTest, TimesAreShownWithAllTheirDigits) {
  EXPECT_EQ(ShownTimestamp("2026-01-02T03:04:05.123456789Z"), "2026-01-02T03:04:05.123456789Z");
  EXPECT_EQ(ShownTimestamp("2026-01-02T03:04:05.12+01:00"), "2026-01-02T03:04:05.120000000+01:00");
  EXPECT_EQ(ShownTimestamp("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05.000000000Z");
  EXPECT_EQ(ShownTimestamp("soon"), "soon");
}

TEST_F(LogStreamTest, AFollowerIsWokenByEachWrite) {
  Write("one");
  Open({.follow = true});
  EXPECT_EQ(Read(), "one\n");
  EXPECT_EQ(pulled_, http::Pulled::kIdle);
  Write("two");
  EXPECT_EQ(ReadWoken("two\n"), "two\n");
  EXPECT_EQ(stream_->PullEveryMs(), 0);
}

TEST_F(LogStreamTest, AFollowerGoesOnInTheNextFileAfterARotation) {
  Write("one");
  Open({.follow = true});
  EXPECT_EQ(Read(), "one\n");
  Write("two");
  Rotate();
  Write("three");
  EXPECT_EQ(ReadWoken("two\nthree\n"), "two\nthree\n");
  Write("four");
  EXPECT_EQ(ReadWoken("four\n"), "four\n");
}

TEST_F(LogStreamTest, TheEndOfTheContainerEndsTheStream) {
  Open({.follow = true});
  EXPECT_EQ(Read(), "");
  Write("last");
  container_->End();
  EXPECT_EQ(ReadWoken("last\n"), "last\n");
  if (pulled_ != http::Pulled::kEnd) Read();
  EXPECT_EQ(pulled_, http::Pulled::kEnd);
}

TEST(LogFollowersTest, NotMoreLogsAreWatchedThanLeaveSomeToOthers) {
  FakeClock clock;
  SeededRandom random(3);
  cri::FakeRuntime runtime(clock, random, "10.1.0.0/24");
  LogFollowers followers(runtime);
  std::vector<std::shared_ptr<FollowedContainer>> all;
  for (int i = 0; i < LogFollowers::kWatchesMax; ++i) all.push_back(followers.Follow("c"));
  EXPECT_TRUE(all.back()->may_watch());
  EXPECT_FALSE(followers.Follow("c")->may_watch());
  all.pop_back();
  EXPECT_TRUE(followers.Follow("c")->may_watch());
}

TEST(LogFollowersTest, AContainerThatEndsIsTold) {
  FakeClock clock;
  SeededRandom random(1);
  cri::FakeRuntime runtime(clock, random, "10.1.0.0/24");
  cri::SandboxConfig sandbox;
  const auto sandbox_id = runtime.RunPodSandbox(sandbox, "");
  const auto id = runtime.CreateContainer(*sandbox_id, {}, sandbox);
  ASSERT_TRUE(runtime.StartContainer(*id));
  LogFollowers followers(runtime);
  const auto subscription =
      runtime.Subscribe([&](const cri::Event& event) { followers.Take(event); });
  const auto container = followers.Follow(*id);
  followers.Step();
  EXPECT_TRUE(container->is_running());
  bool told = false;
  container->OnEnd([&] { told = true; });
  runtime.Exit(*id, 0);
  followers.Step();
  EXPECT_FALSE(container->is_running());
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace skiff::kubelet
