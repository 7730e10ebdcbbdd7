#include "apiserver/storage/store_contract.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <thread>

namespace skiff {

Written StoreContract::Put(const std::string& key, const std::string& value) {
  auto written = store().Apply({.key = key, .value = value});
  EXPECT_TRUE(written) << written.error().message;
  return written ? *written : Written{};
}

Written StoreContract::Delete(const std::string& key) {
  auto written = store().Apply({.key = key});
  EXPECT_TRUE(written) << written.error().message;
  return written ? *written : Written{};
}

std::string StoreContract::Text(const std::vector<RecordPtr>& records) {
  std::string text;
  for (const auto& record : records) {
    text += fmt::format("{}{}={}@{}", text.empty() ? "" : " ", record->key, record->value,
                        record->modified.value);
  }
  return text;
}

std::string StoreContract::List(ListRequest request) {
  const auto page = store().List(request);
  const auto cursor = store().OpenList(request);
  EXPECT_EQ(page.has_value(), cursor.has_value());
  if (!page) return std::string(ReasonText(page.error().reason));
  if (!cursor) return std::string(ReasonText(cursor.error().reason));
  ExpectSame(*page, **cursor, request);
  return Text(page->records);
}

std::string StoreContract::Drain(WatchCursor& cursor, size_t events_max) {
  std::string text;
  std::vector<EventPtr> events;
  do {
    events.clear();
    if (const auto next = cursor.Next(events_max, events); !next) {
      return text + std::string(ReasonText(next.error().reason));
    }
    for (const auto& event : events) {
      text += fmt::format("{}{}{}={}@{}", text.empty() ? "" : " ",
                          event->kind == Event::Kind::kPut ? '+' : '-', event->record->key,
                          event->record->value, event->revision.value);
    }
  } while (!events.empty());
  return text;
}

namespace {

using Kind = Precondition::Kind;
using testing::ElementsAre;

template <typename T>
Reason ReasonOf(const Result<T>& result) {
  return result ? Reason::kUnknown : result.error().reason;
}

TEST_P(StoreContract, AnEmptyStoreStandsAtRevisionOne) {
  EXPECT_EQ(store().Current(), Revision{1});
  EXPECT_EQ(store().Compacted(), Revision{0});
  EXPECT_EQ(List({.prefix = "/"}), "");
  EXPECT_EQ(ReasonOf(store().Get("/a")), Reason::kNotFound);
}

TEST_P(StoreContract, EveryWriteTakesTheNextRevision) {
  EXPECT_EQ(Put("/a", "x").revision, Revision{2});
  EXPECT_EQ(Put("/b", "y").revision, Revision{3});
  const auto changed = Put("/a", "z");
  EXPECT_EQ(changed.revision, Revision{4});
  EXPECT_EQ(changed.record->created, Revision{2});
  EXPECT_EQ(changed.record->modified, Revision{4});
  EXPECT_EQ(Put("/a", "z").revision, Revision{5}) << "the same value is a write as well";
  const auto deleted = Delete("/b");
  EXPECT_EQ(deleted.revision, Revision{6});
  EXPECT_EQ(deleted.record->value, "y");
  EXPECT_EQ(deleted.record->modified, Revision{3});
  EXPECT_EQ(store().Current(), Revision{6});
  EXPECT_EQ(Put("/b", "again").record->created, Revision{7}) << "a new life";
}

TEST_P(StoreContract, AbsentMeansThatOnlyOneCreates) {
  const Precondition absent = {.kind = Kind::kAbsent};
  EXPECT_TRUE(store().Apply({.key = "/a", .expect = absent, .value = "x"}));
  const auto second = store().Apply({.key = "/a", .expect = absent, .value = "y"});
  EXPECT_EQ(ReasonOf(second), Reason::kAlreadyExists);
  EXPECT_EQ(store().Get("/a").value()->value, "x");
  EXPECT_EQ(store().Current(), Revision{2}) << "a refused write takes no revision";
}

TEST_P(StoreContract, ARevisionMeansThatNobodyWroteInBetween) {
  const Revision first = Put("/a", "x").revision;
  const auto at_first = Precondition{.kind = Kind::kRevision, .revision = first};
  EXPECT_TRUE(store().Apply({.key = "/a", .expect = at_first, .value = "y"}));
  EXPECT_EQ(ReasonOf(store().Apply({.key = "/a", .expect = at_first, .value = "z"})),
            Reason::kConflict);
  EXPECT_EQ(ReasonOf(store().Apply({.key = "/a", .expect = at_first})), Reason::kConflict);
  EXPECT_EQ(ReasonOf(store().Apply({.key = "/none", .expect = at_first, .value = "z"})),
            Reason::kNotFound);
  const auto at_second = Precondition{.kind = Kind::kRevision, .revision = Revision{3}};
  EXPECT_TRUE(store().Apply({.key = "/a", .expect = at_second}));
  EXPECT_EQ(ReasonOf(store().Get("/a")), Reason::kNotFound);
}

TEST_P(StoreContract, WhatTheWriterHasReadMayBeOlderThanWhatIsThere) {
  const Written first = Put("/a", "1");
  const Written second = Put("/a", "2");
  auto third = store().Apply({.key = "/a", .expect = {}, .value = "3", .read = first.record});
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_EQ(third->record->created, first.revision);
  const Precondition unchanged{.kind = Precondition::Kind::kRevision, .revision = first.revision};
  const auto late =
      store().Apply({.key = "/a", .expect = unchanged, .value = "4", .read = first.record});
  ASSERT_FALSE(late) << "the version that was read is not there any more";
  EXPECT_EQ(late.error().reason, Reason::kConflict);
  const auto deleted =
      store().Apply({.key = "/a", .expect = {}, .value = std::nullopt, .read = second.record});
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_EQ(deleted->record->value, "3");
  const auto again =
      store().Apply({.key = "/a", .expect = {}, .value = "5", .read = third->record});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->record->created, again->revision);
}

TEST_P(StoreContract, WhoDoesNotWaitIsToldOfEachWrite) {
  constexpr int kThreads = 4, kWrites = 200, kKeys = 7;
  std::atomic<int> told = 0, refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kWrites; ++i) {
          const std::string key = fmt::format("/{}/{}", t, i % kKeys);
          // Every second thread waits for its own; every tenth write is refused.
          Write write{.key = key, .value = std::to_string(i)};
          if (i % 10 == 9) write.expect = {.kind = Kind::kRevision, .revision = Revision{1}};
          const auto then = [&](const Result<Written>& written) {
            ++told;
            if (!written) {
              EXPECT_EQ(ReasonOf(written), Reason::kConflict);
              ++refused;
              return;
            }
            EXPECT_LE(written->revision, store().Current()) << "what is told of is there";
          };
          if (t % 2 == 0) {
            store().ApplyLater(std::move(write), then);
          } else {
            then(store().Apply(std::move(write)));
          }
        }
      });
    }
  }
  while (told < kThreads * kWrites) std::this_thread::yield();
  EXPECT_EQ(refused, kThreads * kWrites / 10);
  EXPECT_EQ(store().Current(), Revision{1 + kThreads * kWrites * 9 / 10});
  for (int t = 0; t < kThreads; ++t) {
    const auto record = store().Get(fmt::format("/{}/{}", t, (kWrites - 2) % kKeys));
    ASSERT_TRUE(record);
    EXPECT_EQ((*record)->value, std::to_string(kWrites - 2));
  }
}

TEST_P(StoreContract, AWriteReliesOnOtherKeysBeingAsTheyWere) {
  const Revision relied = Put("/space", "x").revision;
  const Write write = {.key = "/a",
                       .expect = {.kind = Kind::kAbsent},
                       .value = "1",
                       .relies_on = {{.key = "/space", .modified = relied}}};
  ASSERT_TRUE(store().Apply(write));
  EXPECT_EQ(ReasonOf(store().Apply(write)), Reason::kAlreadyExists) << "what is expected is first";
  Put("/space", "y");
  Write late = write;
  late.key = "/b";
  EXPECT_EQ(ReasonOf(store().Apply(late)), Reason::kConflict);
  Delete("/space");
  EXPECT_EQ(ReasonOf(store().Apply(late)), Reason::kConflict);
  EXPECT_EQ(ReasonOf(store().Apply({.key = "/a",
                                    .expect = {.kind = Kind::kExists},
                                    .value = "2",
                                    .relies_on = {{.key = "/none", .modified = relied}}})),
            Reason::kConflict);
  EXPECT_EQ(List({.prefix = "/"}), "/a=1@3");
}

TEST_P(StoreContract, WhatIsReliedOnMayChangeInTheSameBreath) {
  const Revision relied = Put("/space", "x").revision;
  std::vector<Write> writes;
  writes.push_back({.key = "/space", .value = "y"});
  writes.push_back({.key = "/a",
                    .value = "1",
                    .relies_on = {{.key = "/space", .modified = relied}}});
  const auto results = store().ApplyAll(std::move(writes));
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(ReasonOf(results[1]), Reason::kConflict);
  EXPECT_EQ(List({.prefix = "/"}), "/space=y@3");
}

TEST_P(StoreContract, ExistsAndDeleteNeedAKey) {
  const Precondition exists = {.kind = Kind::kExists};
  EXPECT_EQ(ReasonOf(store().Apply({.key = "/a", .expect = exists, .value = "x"})),
            Reason::kNotFound);
  EXPECT_EQ(ReasonOf(store().Apply({.key = "/a"})), Reason::kNotFound);
  Put("/a", "x");
  EXPECT_TRUE(store().Apply({.key = "/a", .expect = exists, .value = "y"}));
  EXPECT_TRUE(store().Apply({.key = "/a", .expect = exists}));
}

TEST_P(StoreContract, TheRevisionIsInsertedIntoTheValue) {
  Put("/a", "x");
  const auto written = store().Apply({.key = "/b", .value = "<>", .revision_at = 1});
  ASSERT_TRUE(written);
  EXPECT_EQ(written->record->value, "<3>");
  EXPECT_EQ(store().Get("/b").value()->value, "<3>");
  EXPECT_EQ(store().Apply({.key = "/b", .value = "", .revision_at = 0})->record->value, "4");
  EXPECT_EQ(store().Apply({.key = "/b", .value = "ab", .revision_at = 2})->record->value, "ab5");
}

TEST_P(StoreContract, KeysAreNotEmptyAndHoldNoNul) {
  EXPECT_EQ(ReasonOf(store().Apply({.key = "", .value = "x"})), Reason::kBadRequest);
  EXPECT_EQ(ReasonOf(store().Apply({.key = std::string("/a\0b", 4), .value = "x"})),
            Reason::kBadRequest);
}

TEST_P(StoreContract, ValuesMayHoldAnyByte) {
  std::string value;
  for (int byte = 0; byte < 256; ++byte) value.push_back(static_cast<char>(byte));
  Put("/any", value);
  Put("/empty", "");
  EXPECT_EQ(store().Get("/any").value()->value, value);
  EXPECT_EQ(store().Get("/empty").value()->value, "");
}

TEST_P(StoreContract, GetReadsAnOldRevision) {
  Put("/a", "x");
  Put("/b", "y");
  Put("/a", "z");
  Delete("/a");
  EXPECT_EQ(ReasonOf(store().Get("/a", Revision{1})), Reason::kNotFound);
  EXPECT_EQ(store().Get("/a", Revision{2}).value()->value, "x");
  EXPECT_EQ(store().Get("/a", Revision{3}).value()->modified, Revision{2});
  EXPECT_EQ(store().Get("/a", Revision{4}).value()->value, "z");
  EXPECT_EQ(store().Get("/a", Revision{4}).value()->created, Revision{2});
  EXPECT_EQ(ReasonOf(store().Get("/a", Revision{5})), Reason::kNotFound);
  EXPECT_EQ(store().Get("/b", Revision{5}).value()->value, "y");
}

TEST_P(StoreContract, ARevisionOfTheFutureIsRefusedByReads) {
  Put("/a", "x");
  const auto get = store().Get("/a", Revision{9});
  ASSERT_EQ(ReasonOf(get), Reason::kTimeout);
  EXPECT_EQ(get.error().message, "Too large resource version: 9, current: 2");
  ASSERT_EQ(get.error().causes.size(), 1u);
  EXPECT_EQ(get.error().causes[0].reason, "ResourceVersionTooLarge");
  EXPECT_EQ(ReasonOf(store().List({.prefix = "/", .at = Revision{9}})), Reason::kTimeout);
  EXPECT_EQ(ReasonOf(store().Compact(Revision{9})), Reason::kTimeout);
}

TEST_P(StoreContract, ListIsOrderedAndStaysUnderThePrefix) {
  for (const char* key : {"/p/b", "/p/a", "/q/a", "/p", "/p/", "/p0", "/p/a/c", "/p/aa"}) {
    Put(key, "v");
  }
  const auto page = store().List({.prefix = "/p/"});
  ASSERT_TRUE(page);
  std::vector<std::string> keys;
  for (const auto& record : page->records) keys.push_back(record->key);
  EXPECT_THAT(keys, ElementsAre("/p/", "/p/a", "/p/a/c", "/p/aa", "/p/b"));
  EXPECT_EQ(page->revision, Revision{9});
  EXPECT_FALSE(page->more);
  EXPECT_EQ(store().List({.prefix = ""})->records.size(), 8u);
}

TEST_P(StoreContract, ListReadsAnOldRevision) {
  Put("/a", "1");
  Put("/b", "2");
  Put("/a", "3");
  Delete("/b");
  Put("/c", "5");
  EXPECT_EQ(List({.prefix = "/", .at = Revision{1}}), "");
  EXPECT_EQ(List({.prefix = "/", .at = Revision{3}}), "/a=1@2 /b=2@3");
  EXPECT_EQ(List({.prefix = "/", .at = Revision{4}}), "/a=3@4 /b=2@3");
  EXPECT_EQ(List({.prefix = "/", .at = Revision{5}}), "/a=3@4");
  EXPECT_EQ(List({.prefix = "/", .at = Revision{6}}), "/a=3@4 /c=5@6");
  EXPECT_EQ(List({.prefix = "/"}), "/a=3@4 /c=5@6");
}

TEST_P(StoreContract, PagesOfOneRevisionAreNotDisturbedByWrites) {
  for (int i = 0; i < 7; ++i) Put(fmt::format("/p/{}", i), "v");
  const auto first = store().List({.prefix = "/p/", .limit = 3, .count_remaining = true});
  ASSERT_TRUE(first);
  EXPECT_EQ(Text(first->records), "/p/0=v@2 /p/1=v@3 /p/2=v@4");
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->remaining, 4u);
  Delete("/p/3");
  Put("/p/4", "changed");
  Put("/p/45", "new");
  ListRequest request = {.prefix = "/p/",
                         .start_after = first->records.back()->key,
                         .at = first->revision,
                         .limit = 3,
                         .count_remaining = true};
  const auto second = store().List(request);
  ASSERT_TRUE(second);
  EXPECT_EQ(Text(second->records), "/p/3=v@5 /p/4=v@6 /p/5=v@7");
  EXPECT_TRUE(second->more);
  EXPECT_EQ(second->remaining, 1u);
  EXPECT_EQ(second->revision, first->revision);
  EXPECT_EQ(List(request), Text(second->records));
  request.start_after = "/p/5";
  const auto last = store().List(request);
  ASSERT_TRUE(last);
  EXPECT_EQ(Text(last->records), "/p/6=v@8");
  EXPECT_FALSE(last->more);
  EXPECT_EQ(last->remaining, 0u);
}

TEST_P(StoreContract, APageThatEndsWithTheLastKeyHasNoMore) {
  for (int i = 0; i < 4; ++i) Put(fmt::format("/p/{}", i), "v");
  const auto page = store().List({.prefix = "/p/", .limit = 4, .count_remaining = true});
  EXPECT_FALSE(page->more);
  EXPECT_EQ(page->remaining, 0u);
}

TEST_P(StoreContract, StartAfterNeedsNoKeyOfThatName) {
  Put("/p/a", "v");
  Put("/p/c", "v");
  EXPECT_EQ(List({.prefix = "/p/", .start_after = "/p/b"}), "/p/c=v@3");
  EXPECT_EQ(List({.prefix = "/p/", .start_after = "/p/a", .at = Revision{3}}), "/p/c=v@3");
  EXPECT_EQ(List({.prefix = "/p/", .start_after = "/o"}), "/p/a=v@2 /p/c=v@3");
  EXPECT_EQ(List({.prefix = "/p/", .start_after = "/q"}), "");
  Put("/x", "v");
  EXPECT_EQ(List({.prefix = "/p/", .start_after = "/o", .at = Revision{3}}), "/p/a=v@2 /p/c=v@3");
  EXPECT_EQ(List({.prefix = "/p/", .start_after = "/p/b", .at = Revision{3}}), "/p/c=v@3");
  EXPECT_EQ(List({.prefix = "/p/", .start_after = "/q", .at = Revision{3}}), "");
}

TEST_P(StoreContract, WhatTheFilterRefusesDoesNotCountTowardsTheLimit) {
  for (int i = 0; i < 10; ++i) Put(fmt::format("/p/{}", i), i % 3 == 0 ? "yes" : "no");
  const auto filter = [](const Record& record) { return record.value == "yes"; };
  for (const Revision at : {Revision{0}, Revision{11}}) {
    const auto page = store().List({.prefix = "/p/", .at = at, .limit = 2, .filter = filter});
    ASSERT_TRUE(page);
    EXPECT_EQ(Text(page->records), "/p/0=yes@2 /p/3=yes@5");
    EXPECT_TRUE(page->more);
    EXPECT_EQ(List({.prefix = "/p/", .at = at, .limit = 2, .filter = filter}),
              Text(page->records));
    EXPECT_EQ(List({.prefix = "/p/", .at = at, .filter = filter}),
              "/p/0=yes@2 /p/3=yes@5 /p/6=yes@8 /p/9=yes@11");
    const auto all = store().List({.prefix = "/p/", .at = at, .limit = 4, .filter = filter});
    EXPECT_EQ(all->records.size(), 4u);
    EXPECT_FALSE(all->more) << "9 is the last key";
    const auto none = store().List(
        {.prefix = "/p/", .start_after = "/p/6", .at = at, .limit = 2, .filter = [](const Record&) {
           return false;
         }});
    EXPECT_TRUE(none->records.empty());
    EXPECT_FALSE(none->more);
    Put("/later", "x");
  }
}

TEST_P(StoreContract, CompactionTakesOldRevisionsAwayAndKeepsTheRest) {
  Put("/a", "1");
  Put("/b", "2");
  Put("/a", "3");
  Delete("/b");
  Put("/a", "6");
  ASSERT_TRUE(store().Compact(Revision{5}));
  EXPECT_EQ(store().Compacted(), Revision{5});
  EXPECT_EQ(ReasonOf(store().Get("/a", Revision{4})), Reason::kExpired);
  EXPECT_EQ(List({.prefix = "/", .at = Revision{2}}), "Expired");
  EXPECT_EQ(List({.prefix = "/", .at = Revision{5}}), "/a=3@4");
  EXPECT_EQ(List({.prefix = "/"}), "/a=6@6");
  ASSERT_TRUE(store().Compact(Revision{3})) << "an older one changes nothing";
  EXPECT_EQ(store().Compacted(), Revision{5});
  ASSERT_TRUE(store().Compact(Revision{6}));
  EXPECT_EQ(store().Get("/a", Revision{6}).value()->value, "6");
  EXPECT_EQ(Put("/b", "7").revision, Revision{7});
}

TEST_P(StoreContract, OfManyWritesEachHasTheAnswerThatItWouldHaveAlone) {
  Put("/a", "x");
  Put("/b", "y");
  auto cursor = store().Watch("/", store().Current(), nullptr);
  const auto results = store().ApplyAll(
      {{.key = "/a"},
       {.key = "/a"},
       {.key = "/b", .expect = {.kind = Kind::kRevision, .revision = {2}}, .value = "late"},
       {.key = ""},
       {.key = "/c", .expect = {.kind = Kind::kAbsent}, .value = "at ", .revision_at = 3},
       {.key = "/b", .expect = {.kind = Kind::kRevision, .revision = {3}}}});
  ASSERT_EQ(results.size(), 6);
  EXPECT_EQ(results[0]->record->value, "x");
  EXPECT_EQ(ReasonOf(results[1]), Reason::kNotFound) << "the one before has taken it";
  EXPECT_EQ(ReasonOf(results[2]), Reason::kConflict);
  EXPECT_EQ(ReasonOf(results[3]), Reason::kBadRequest);
  EXPECT_EQ(results[4]->record->value, "at 5");
  EXPECT_EQ(results[5]->revision, Revision{6});
  EXPECT_EQ(Drain(**cursor), "-/a=x@4 +/c=at 5@5 -/b=y@6");
  EXPECT_THAT(store().ApplyAll({}), testing::IsEmpty());
}

TEST_P(StoreContract, ManyWritesBesideOthersLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 8;
  constexpr int kTogether = 64;
  auto cursor = store().Watch("/", store().Current(), nullptr);
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < kRounds; ++round) {
        std::vector<Write> writes;
        for (int i = 0; i < kTogether; ++i) {
          writes.push_back({.key = fmt::format("/{}", t), .value = std::to_string(round * kTogether + i)});
        }
        for (const auto& result : store().ApplyAll(std::move(writes))) EXPECT_TRUE(result);
        Put("/alone", "x");
      }
    });
  }
  threads.clear();
  constexpr int kWrites = kThreads * kRounds * (kTogether + 1);
  EXPECT_EQ(store().Current(), Revision{1 + kWrites});
  std::vector<EventPtr> events;
  while (events.size() < kWrites) ASSERT_TRUE((*cursor)->Next(64, events));
  std::map<std::string, int> next;
  for (const EventPtr& event : events) {
    if (event->record->key == "/alone") continue;
    EXPECT_EQ(event->record->value, std::to_string(next[event->record->key]++));
  }
}

TEST_P(StoreContract, ConcurrentCompareAndSwapLosesNoUpdate) {
  constexpr int kThreads = 8;
  constexpr int kIncrements = 50;
  Put("/counter", "0");
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int done = 0; done < kIncrements;) {
        const auto current = store().Get("/counter").value();
        const auto written =
            store().Apply({.key = "/counter",
                           .expect = {.kind = Kind::kRevision, .revision = current->modified},
                           .value = std::to_string(std::stoi(current->value) + 1)});
        if (written) ++done;
        ASSERT_TRUE(written || written.error().reason == Reason::kConflict);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(store().Get("/counter").value()->value, std::to_string(kThreads * kIncrements));
  EXPECT_EQ(store().Current(), Revision{2 + kThreads * kIncrements});
}

}  // namespace
}  // namespace skiff
