#include "apiserver/storage/history_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/store_contract.h"

namespace skiff {
namespace {

// A store that was opened anew, so that its ring is empty, and whose history is read aside.
class HistoryReaderTest : public testing::Test {
 protected:
  HistoryReaderTest() {
    Open();
    for (int i = 0; i < 5000; ++i) {
      const auto key = fmt::format("/{}/{}", i % 2 == 0 ? "a" : "b", i);
      CHECK(store_->Apply({.key = key, .value = "x"}).has_value());
    }
    Open();
    executor_.Add(store_->ReadHistoryAside());
    executor_.RunUntilIdle();
  }
  ~HistoryReaderTest() override { executor_.Remove(store_->history_loop()); }

  void Open() {
    store_.reset();
    store_ = *RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
  }
  static size_t Read(WatchCursor& cursor) {
    std::vector<EventPtr> events;
    size_t last = 0;
    do {
      last = events.size();
      EXPECT_TRUE(cursor.Next(64, events));
    } while (events.size() >= last + 64);
    return events.size();
  }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  SteppedExecutor executor_{clock_, 7};
  std::unique_ptr<RocksdbStore> store_;
};

TEST_F(HistoryReaderTest, NextNeverReadsTheDiskAndWakesWhenThereIsSomething) {
  int wakes = 0;
  auto cursor = *store_->Watch("/a/", Revision{1}, [&] { ++wakes; });
  EXPECT_EQ(Read(*cursor), 0u) << "nothing is at hand, and nobody waits for it";
  EXPECT_EQ(cursor->position(), Revision{1});
  size_t total = 0;
  while (total < 2500) {
    const int before = wakes;
    ASSERT_TRUE(executor_.RunOne()) << "somebody is at it";
    ASSERT_GT(wakes, before);
    total += Read(*cursor);
  }
  EXPECT_EQ(total, 2500u);
  EXPECT_EQ(Read(*cursor), 0u);
  EXPECT_EQ(cursor->position(), store_->Current());
  executor_.RunUntilIdle();
}

TEST_F(HistoryReaderTest, WhatIsReadForOneServesAll) {
  std::vector<std::unique_ptr<WatchCursor>> cursors;
  for (uint64_t i = 0; i < 500; ++i) {
    cursors.push_back(*store_->Watch("/b/", Revision{4000 + i}, [] {}));
    EXPECT_EQ(Read(*cursors.back()), 0u);
  }
  int steps = 0;
  while (executor_.RunOne()) {
    ++steps;
    for (auto& cursor : cursors) Read(*cursor);
  }
  for (auto& cursor : cursors) EXPECT_EQ(cursor->position(), store_->Current());
  EXPECT_LE(steps, 10) << "a piece is read once, not once a cursor";
}

TEST_F(HistoryReaderTest, WhatIsCompactedMeanwhileExpires) {
  auto cursor = *store_->Watch("/a/", Revision{1}, [] {});
  EXPECT_EQ(Read(*cursor), 0u);
  ASSERT_TRUE(store_->Compact(Revision{3000}));
  executor_.RunUntilIdle();
  std::vector<EventPtr> events;
  const auto next = cursor->Next(64, events);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().reason, Reason::kExpired);
}

TEST(HistoryReader, TriesAgainWhatCouldNotBeRead) {
  FakeClock clock;
  SteppedExecutor executor(clock, 1);
  bool away = true;
  int ready = 0;
  HistoryReader reader(
      [&](Revision after) -> Result<HistoryReader::SegmentPtr> {
        if (away) return Fail(Reason::kServiceUnavailable, "away");
        return std::make_shared<const HistoryReader::Segment>(
            HistoryReader::Segment{after, Revision{after.value + 10}, {}});
      },
      [&] { ++ready; });
  reader.ReadAside();
  executor.Add(reader);
  std::vector<EventPtr> events;
  EXPECT_EQ(reader.ReadEvents("/", Revision{5}, Revision{9}, 64, events).value(), Revision{5});
  executor.RunUntilIdle();
  EXPECT_EQ(ready, 0);
  away = false;
  executor.RunFor(HistoryReader::kRetryPeriod);
  EXPECT_EQ(ready, 1);
  EXPECT_EQ(reader.ReadEvents("/", Revision{5}, Revision{9}, 64, events).value(), Revision{9});
  executor.Remove(reader);
}

// A wake that comes between the look at the history and the stall must not be lost.
TEST(HistoryReader, AWakeThatComesEarlyIsNotLost) {
  struct Early final : EventHistory {
    Result<Revision> ReadEvents(const std::string&, Revision after, Revision through, size_t,
                                std::vector<EventPtr>&) override {
      if (std::exchange(asked, true)) return through;
      ring->WakeStalled();
      return after;
    }
    EventRing* ring = nullptr;
    bool asked = false;
  } history;
  EventRing ring(Revision{10}, {}, &history);
  history.ring = &ring;
  const auto cursor = ring.Watch({"/", Revision{5}}, [] {});
  std::vector<EventPtr> events;
  ASSERT_TRUE(cursor->Next(64, events));
  EXPECT_EQ(cursor->position(), Revision{10});
}

}  // namespace
}  // namespace skiff
