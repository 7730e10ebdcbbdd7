#include "http/pipe.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace skiff::http {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);

// Tells how often it was called; whoever waits for one more call begins with Count.
class Calls {
 public:
  Waker waker() {
    return [this] {
      {
        MutexLock lock(mutex_);
        ++calls_;
      }
      changed_.notify_all();
    };
  }
  int Count() {
    MutexLock lock(mutex_);
    return calls_;
  }
  // False: there were none after `count` of them, however long one waited.
  bool Await(int count) {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return calls_ != count; });
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int calls_ GUARDED_BY(mutex_) = 0;
};

TEST(Pipe, TakesWhatItHasRoomForAndTellsWhenThereIsMore) {
  Pipe pipe(4);
  int told = 0;
  pipe.OnRoom([&] { ++told; });
  EXPECT_EQ(pipe.Offer("abcdef"), 4u);
  EXPECT_EQ(pipe.Offer("ef"), 0u);
  EXPECT_EQ(told, 0);
  std::vector<SharedBytes> out;
  EXPECT_EQ(pipe.Pull(100, out), Pulled::kIdle);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(pipe.Offer("ef"), 2u);
  pipe.Leave();
  EXPECT_EQ(pipe.Offer("thrown away"), 11u);
}

// Each piece costs as much as a hundred bytes, and only bytes are counted.
TEST(Pipe, JoinsWhatComesByteByByte) {
  constexpr size_t kBytes = 100'000;
  Pipe pipe(kBytes);
  for (size_t i = 0; i < kBytes; ++i) EXPECT_EQ(pipe.Offer("x"), 1u);
  EXPECT_EQ(pipe.Offer("x"), 0u);
  std::vector<SharedBytes> out;
  pipe.Pull(kBytes, out);
  EXPECT_LT(out.size(), 100u);
  std::string all;
  for (const auto& piece : out) all += *piece;
  EXPECT_EQ(all, std::string(kBytes, 'x'));
}

// A reader on another thread empties it at any moment, that between the look for room and the
// writing as well.
TEST(Pipe, TellsOfRoomWhoeverWasLeftWithARest) {
  constexpr int kBytes = 300'000;
  Pipe pipe(2);
  Calls room;
  Calls data;
  pipe.OnRoom(room.waker());
  pipe.OnData(data.waker());
  auto read = std::async(std::launch::async, [&] {
    std::vector<SharedBytes> out;
    size_t bytes = 0;
    while (true) {
      const int calls = data.Count();
      out.clear();
      const Pulled pulled = pipe.Pull(100, out);
      for (const SharedBytes& piece : out) bytes += piece->size();
      if (pulled == Pulled::kEnd) return bytes;
      if (pulled == Pulled::kIdle && !data.Await(calls)) return bytes;
    }
  });
  const std::string bytes = "abc";
  for (int written = 0; written < kBytes; written += 3) {
    for (size_t at = 0; at < bytes.size();) {
      const int calls = room.Count();
      at += pipe.Offer(std::string_view(bytes).substr(at));
      if (at == bytes.size()) break;
      ASSERT_TRUE(room.Await(calls)) << "nobody was told, after " << written << " bytes";
    }
  }
  pipe.End(true);
  EXPECT_EQ(read.get(), static_cast<size_t>(kBytes));
}

}  // namespace
}  // namespace skiff::http
