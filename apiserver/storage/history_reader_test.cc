#include "apiserver/storage/history_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

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

TEST_F(HistoryReaderTest, WhileOnePieceIsTakenTheNextIsFetched) {
  auto cursor = *store_->Watch("/a/", Revision{1}, [] {});
  EXPECT_EQ(Read(*cursor), 0u);
  ASSERT_TRUE(executor_.RunOne());
  std::vector<EventPtr> events;
  ASSERT_TRUE(cursor->Next(1, events));
  ASSERT_TRUE(executor_.RunOne()) << "the piece behind it";
  EXPECT_FALSE(executor_.RunOne()) << "and no more than that one";
  const size_t piece = Read(*cursor);
  EXPECT_GT(piece, 200u) << "both, without anybody at it";
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

TEST_F(HistoryReaderTest, WhatWasBeforeIsReadForThoseWhoWantIt) {
  for (const bool previous : {false, true}) {
    for (const char* value : {"y", "z"}) CHECK(store_->Apply({.key = "/c/1", .value = value}));
    CHECK(store_->Apply({.key = "/c/1"}));
    executor_.Remove(store_->history_loop());
    Open();
    executor_.Add(store_->ReadHistoryAside());
    const Revision before{store_->Current().value - 3};
    // Another, at the same place, who wants it the other way.
    const auto other =
        *store_->Watch({.prefix = "/c/", .after = before, .previous = !previous}, [] {});
    const auto cursor =
        *store_->Watch({.prefix = "/c/", .after = before, .previous = previous}, [] {});
    std::vector<EventPtr> events, others;
    ASSERT_TRUE(other->Next(64, others));
    ASSERT_TRUE(cursor->Next(64, events));
    executor_.RunUntilIdle();
    ASSERT_TRUE(other->Next(64, others));
    ASSERT_TRUE(cursor->Next(64, events));
    ASSERT_EQ(others.size(), 3u);
    ASSERT_EQ(events.size(), 3u);
    EXPECT_FALSE(events[0]->existed);
    EXPECT_TRUE(events[1]->existed);
    EXPECT_EQ(events[1]->record->value, "z");
    const auto& full = previous ? events : others;
    ASSERT_NE(full[1]->previous, nullptr);
    EXPECT_EQ(full[1]->previous->value, "y");
    EXPECT_EQ(events[2]->kind, Event::Kind::kDelete);
    EXPECT_EQ(events[2]->record->value, "z");
  }
}

// Reads pieces of ten revisions aside, each with an event of that many bytes.
class KeptHistoryTest : public testing::Test {
 protected:
  KeptHistoryTest() {
    reader_.ReadAside();
    executor_.Add(reader_);
  }
  ~KeptHistoryTest() override { executor_.Remove(reader_); }

  // As a cursor does, until it has the event at that revision.
  void Read(uint64_t after) {
    const EventHistory::Wanted wanted{prefix_, Revision{after + 1}, 64, false};
    std::vector<EventPtr> events;
    while (reader_.ReadEvents(wanted, Revision{after}, events).value() == Revision{after}) {
      ASSERT_TRUE(executor_.RunOne());
    }
    last_ = events.empty() ? nullptr : events.back();
  }

  const std::string prefix_ = "/";
  FakeClock clock_;
  SteppedExecutor executor_{clock_, 1};
  size_t bytes_ = 1;
  int fetched_ = 0;
  EventPtr last_;
  HistoryReader reader_{clock_,
                        [this](Revision after, bool previous) -> Result<HistoryReader::SegmentPtr> {
                          ++fetched_;
                          const Revision first{after.value + 1};
                          auto record = std::make_shared<Record>(
                              Record{"/a", std::string(bytes_, 'x'), first, first});
                          auto event = std::make_shared<Event>();
                          event->kind = Event::Kind::kPut;
                          event->revision = first;
                          event->record = std::move(record);
                          return std::make_shared<const HistoryReader::Segment>(
                              HistoryReader::Segment{
                                  after, Revision{after.value + 10}, {event}, previous});
                        },
                        [] {}};
};

TEST_F(KeptHistoryTest, WhoComesALittleLaterIsServedFromWhatWasRead) {
  for (uint64_t after = 10; after < 210; after += 10) Read(after);
  ASSERT_EQ(fetched_, 20);
  for (uint64_t after = 10; after < 210; after += 10) Read(after);
  EXPECT_EQ(fetched_, 20);
  clock_.Advance(HistoryReader::kKeptFor / 2);
  Read(10);
  EXPECT_EQ(fetched_, 20);
  const std::weak_ptr<const Event> unused = (Read(110), last_);
  const std::weak_ptr<const Event> used = (Read(10), last_);
  last_.reset();
  clock_.Advance(HistoryReader::kKeptFor - 1s);
  Read(10);
  last_.reset();
  executor_.RunFor(2s);
  EXPECT_TRUE(unused.expired()) << "nobody asked for it any more";
  EXPECT_FALSE(used.expired());
  executor_.RunFor(HistoryReader::kKeptFor);
  EXPECT_TRUE(used.expired());
}

TEST_F(KeptHistoryTest, WhatIsKeptIsBounded) {
  bytes_ = HistoryReader::kKeptBytesMax / 8;
  std::vector<std::weak_ptr<const Event>> events;
  for (uint64_t after = 10; after < 170; after += 10) {
    Read(after);
    events.push_back(std::exchange(last_, nullptr));
  }
  const auto alive =
      std::ranges::count_if(events, [](const auto& each) { return !each.expired(); });
  EXPECT_GE(alive, 6);
  EXPECT_LE(alive, 8);
  EXPECT_FALSE(events.back().expired());
  executor_.RunFor(2 * HistoryReader::kKeptFor);
  bytes_ = 1;
  events.clear();
  for (uint64_t after = 1000; after < 3000; after += 10) {
    Read(after);
    events.push_back(std::exchange(last_, nullptr));
  }
  EXPECT_EQ(std::ranges::count_if(events, [](const auto& each) { return !each.expired(); }),
            static_cast<ptrdiff_t>(HistoryReader::kKeptMax));
}

TEST_F(KeptHistoryTest, OfALongerHistoryTheBeginStays) {
  bytes_ = HistoryReader::kKeptBytesMax / 32;
  const auto read_all = [&] {
    const int before = fetched_;
    for (uint64_t after = 10; after < 510; after += 10) Read(after);
    return fetched_ - before;
  };
  EXPECT_EQ(read_all(), 50);
  EXPECT_LE(read_all(), 35) << "half of it fits";
}

TEST(HistoryReader, WhoWantsLittleIsGivenLittle) {
  std::vector<bool> fetched;
  FakeClock clock;
  HistoryReader reader(
      clock,
      [&](Revision after, bool previous) -> Result<HistoryReader::SegmentPtr> {
        fetched.push_back(previous);
        return std::make_shared<const HistoryReader::Segment>(
            HistoryReader::Segment{after, Revision{after.value + 10}, {}, previous});
      },
      [] {});
  const std::string prefix = "/";
  std::vector<EventPtr> events;
  const auto read = [&](uint64_t after, bool previous) {
    const EventHistory::Wanted wanted{prefix, Revision{after + 5}, 64, previous};
    EXPECT_EQ(reader.ReadEvents(wanted, Revision{after}, events).value(), wanted.through);
  };
  read(1, false);
  read(1, false);
  EXPECT_EQ(fetched, std::vector<bool>({false}));
  read(1, true);
  EXPECT_EQ(fetched, std::vector<bool>({false, true})) << "what is at hand lacks what was before";
  read(101, true);
  read(101, false);
  EXPECT_EQ(fetched, std::vector<bool>({false, true, true})) << "more than enough is at hand";
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
      clock,
      [&](Revision after, bool) -> Result<HistoryReader::SegmentPtr> {
        if (away) return Fail(Reason::kServiceUnavailable, "away");
        return std::make_shared<const HistoryReader::Segment>(
            HistoryReader::Segment{after, Revision{after.value + 10}, {}});
      },
      [&] { ++ready; });
  reader.ReadAside();
  executor.Add(reader);
  std::vector<EventPtr> events;
  const std::string prefix = "/";
  const EventHistory::Wanted wanted{.prefix = prefix, .through = Revision{9}, .events_max = 64};
  EXPECT_EQ(reader.ReadEvents(wanted, Revision{5}, events).value(), Revision{5});
  executor.RunUntilIdle();
  EXPECT_EQ(ready, 0);
  away = false;
  executor.RunFor(HistoryReader::kRetryPeriod);
  EXPECT_EQ(ready, 1);
  EXPECT_EQ(reader.ReadEvents(wanted, Revision{5}, events).value(), Revision{9});
  executor.Remove(reader);
}

// A wake that comes between the look at the history and the stall must not be lost.
TEST(HistoryReader, AWakeThatComesEarlyIsNotLost) {
  struct Early final : EventHistory {
    Result<Revision> ReadEvents(const Wanted& wanted, Revision after,
                                std::vector<EventPtr>&) override {
      if (std::exchange(asked, true)) return wanted.through;
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
