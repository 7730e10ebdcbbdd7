#include "apiserver/storage/event_ring.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "apiserver/storage/name_term.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

EventPtr MakeEvent(uint64_t revision, const std::string& key, const std::string& value = "") {
  auto event = std::make_shared<Event>();
  event->kind = Event::Kind::kPut;
  event->revision = Revision{revision};
  event->record = std::make_shared<Record>(
      Record{.key = key, .value = value, .created = {revision}, .modified = {revision}});
  return event;
}

// Publishes an event of the next revision.
void Publish(EventRing& ring, const std::string& key, const std::string& value = "") {
  const EventPtr event = MakeEvent(ring.Current().value + 1, key, value);
  ring.Publish({&event, 1});
}

// "key@revision ..." of what comes next, or the reason of the failure.
std::string Next(WatchCursor& cursor, size_t events_max = 1000) {
  std::vector<EventPtr> events;
  if (const auto next = cursor.Next(events_max, events); !next) {
    return std::string(ReasonText(next.error().reason));
  }
  std::string text;
  for (const auto& event : events) {
    text +=
        fmt::format("{}{}@{}", text.empty() ? "" : " ", event->record->key, event->revision.value);
  }
  return text;
}

TEST(EventRing, ASlowCursorFallsOffAndTheOthersGoOn) {
  EventRing ring(Revision{1}, {.events_max = 4}, nullptr);
  const auto slow = ring.Watch({"/p/", Revision{1}}, nullptr);
  const auto fast = ring.Watch({"/p/", Revision{1}}, nullptr);
  for (int i = 0; i < 4; ++i) Publish(ring, "/p/a");
  EXPECT_EQ(Next(*fast), "/p/a@2 /p/a@3 /p/a@4 /p/a@5");
  Publish(ring, "/p/b");
  EXPECT_EQ(Next(*slow), "Expired") << "2 has left the ring";
  EXPECT_EQ(Next(*slow), "Expired") << "and does not come back";
  EXPECT_EQ(Next(*fast), "/p/b@6");
}

TEST(EventRing, ACursorThatReadsPartOfItIsNotDrained) {
  EventRing ring(Revision{1}, {.events_max = 4}, nullptr);
  int wakes = 0;
  const auto cursor = ring.Watch({"/p/", Revision{1}}, [&] { ++wakes; });
  for (int i = 0; i < 3; ++i) Publish(ring, "/p/a");
  EXPECT_EQ(Next(*cursor, 2), "/p/a@2 /p/a@3");
  EXPECT_EQ(cursor->position(), Revision{3});
  Publish(ring, "/p/b");
  EXPECT_EQ(wakes, 1) << "it has not asked for all yet";
  EXPECT_EQ(Next(*cursor, 2), "/p/a@4 /p/b@5");
  EXPECT_EQ(Next(*cursor, 2), "");
  Publish(ring, "/p/c");
  EXPECT_EQ(wakes, 2);
}

TEST(EventRing, IsBoundedInBytes) {
  EventRing ring(Revision{1}, {.events_max = 1000, .bytes_max = 100'000}, nullptr);
  const auto cursor = ring.Watch({"/", Revision{1}}, nullptr);
  for (int i = 0; i < 20; ++i) Publish(ring, "/p/a", std::string(10'000, 'x'));
  EXPECT_EQ(Next(*cursor), "Expired");
  const auto recent = ring.Watch({"/", Revision{18}}, nullptr);
  EXPECT_EQ(Next(*recent), "/p/a@19 /p/a@20 /p/a@21");
}

TEST(EventRing, AnEventLargerThanTheRingIsHistoryAtOnce) {
  EventRing ring(Revision{1}, {.events_max = 10, .bytes_max = 10}, nullptr);
  const auto cursor = ring.Watch({"/p/", Revision{1}}, nullptr);
  const auto other = ring.Watch({"/q/", Revision{1}}, nullptr);
  Publish(ring, "/p/a", std::string(100, 'x'));
  EXPECT_EQ(Next(*cursor), "Expired");
  EXPECT_EQ(Next(*other), "");
}

TEST(EventRing, WakesExactlyThoseWhosePrefixMatches) {
  EventRing ring(Revision{1}, {}, nullptr);
  std::map<std::string, int> wakes;
  std::vector<std::unique_ptr<WatchCursor>> cursors;
  for (const std::string prefix : {"", "/", "/p/", "/p/a", "/p/ab", "/q/", "/p/a/b/c/long"}) {
    cursors.push_back(ring.Watch({prefix, Revision{1}}, [&wakes, prefix] { ++wakes[prefix]; }));
  }
  Publish(ring, "/p/a");
  EXPECT_EQ(wakes, (std::map<std::string, int>{{"", 1}, {"/", 1}, {"/p/", 1}, {"/p/a", 1}}));
}

// As a pod on that node is stored.
std::string OnNode(const std::string& node) {
  const NamedText field{"spec.nodeName", node};
  const ObjectBody body{.text = "{}"};
  return EncodeObject({.labels = {}, .fields = {&field, 1}, .uid = "", .body = body}).value;
}

TEST(EventRing, ATermWakesForWhatHasItOrHadIt) {
  EventRing ring(Revision{1}, {}, nullptr);
  std::map<std::string, int> wakes;
  const auto watch = [&](const std::string& node) {
    return ring.Watch({"/p/", Revision{1}, FieldIndexTerm("spec.nodeName", node)},
                      [&wakes, node] { ++wakes[node]; });
  };
  const auto first = watch("n1"), second = watch("n2"), third = watch("n3");
  const auto all = ring.Watch({"/p/", Revision{1}}, [&] { ++wakes["all"]; });
  const EventPtr on_first = MakeEvent(2, "/p/a", OnNode("n1"));
  ring.Publish({&on_first, 1});
  EXPECT_EQ(wakes, (std::map<std::string, int>{{"all", 1}, {"n1", 1}}));
  EXPECT_EQ(Next(*first), "/p/a@2");
  EXPECT_EQ(Next(*second), "");
  EXPECT_EQ(second->position(), Revision{2}) << "nothing for it up to here";

  auto moved = std::make_shared<Event>();
  moved->kind = Event::Kind::kPut;
  moved->revision = Revision{3};
  moved->record = MakeEvent(3, "/p/a", OnNode("n2"))->record;
  moved->previous = on_first->record;
  const EventPtr event = moved;
  ring.Publish({&event, 1});
  EXPECT_EQ(wakes, (std::map<std::string, int>{{"all", 1}, {"n1", 2}, {"n2", 1}}))
      << "where it was, and where it is; who looks at all has not looked yet";
  EXPECT_EQ(Next(*second), "/p/a@3");

  Publish(ring, "/p/b", "no object");
  EXPECT_EQ(wakes["n2"], 2) << "nobody knows what it has";
  EXPECT_EQ(wakes["n3"], 1);
}

TEST(EventRing, ANameWakesInWhateverNamespaceItIs) {
  EventRing ring(Revision{1}, {}, nullptr);
  std::map<std::string, int> wakes;
  const auto watch = [&](const std::string& name) {
    return ring.Watch({"/p/", Revision{1}, NameIndexTerm(name)}, [&wakes, name] { ++wakes[name]; });
  };
  const auto first = watch("a"), second = watch("b"), part = watch("n/a");
  Publish(ring, "/p/n/a", OnNode("n1"));
  EXPECT_EQ(wakes, (std::map<std::string, int>{{"a", 1}}));
  EXPECT_EQ(Next(*first), "/p/n/a@2");
  Publish(ring, "/p/m/a", OnNode("n1"));
  Publish(ring, "/p/n/b", OnNode("n1"));
  EXPECT_EQ(wakes, (std::map<std::string, int>{{"a", 2}, {"b", 1}}));
}

TEST(EventRing, CursorsOfTermsComeAndGo) {
  EventRing ring(Revision{1}, {}, nullptr);
  std::map<std::string, std::vector<std::unique_ptr<WatchCursor>>> cursors;
  int wakes = 0;
  for (int i = 0; i < 12; ++i) {
    const std::string node = fmt::format("n{}", i % 3);
    cursors[node].push_back(ring.Watch(
        {"/p/", Revision{1}, FieldIndexTerm("spec.nodeName", node)}, [&] { ++wakes; }));
  }
  cursors["n0"].clear();
  cursors["n1"].erase(cursors["n1"].begin());
  const EventPtr event = MakeEvent(2, "/p/a", OnNode("n1"));
  ring.Publish({&event, 1});
  EXPECT_EQ(wakes, 3);
  ring.Skip(Revision{9});
  EXPECT_EQ(wakes, 7) << "who was not woken yet";
}

TEST(EventRing, OneBatchWakesOnce) {
  EventRing ring(Revision{1}, {}, nullptr);
  int wakes = 0;
  const auto cursor = ring.Watch({"/", Revision{1}}, [&] { ++wakes; });
  const std::vector<EventPtr> batch = {MakeEvent(2, "/a"), MakeEvent(3, "/b"), MakeEvent(4, "/c")};
  ring.Publish(batch);
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(Next(*cursor), "/a@2 /b@3 /c@4");
}

TEST(EventRing, DestroyedCursorsLeaveNothingBehind) {
  EventRing ring(Revision{1}, {}, nullptr);
  int wakes = 0;
  std::vector<std::unique_ptr<WatchCursor>> cursors;
  for (int i = 0; i < 5; ++i) cursors.push_back(ring.Watch({"/p/", Revision{1}}, [&] { ++wakes; }));
  cursors.erase(cursors.begin());
  cursors.pop_back();
  cursors.erase(cursors.begin() + 1);
  Publish(ring, "/p/a");
  EXPECT_EQ(wakes, 2);
  for (const auto& cursor : cursors) EXPECT_EQ(Next(*cursor), "/p/a@2");
  cursors.clear();
  Publish(ring, "/p/a");
  EXPECT_EQ(wakes, 2);
}

// Knows every event there ever was, except up to `expired`.
class WholeHistory final : public EventHistory {
 public:
  Result<Revision> ReadEvents(const Wanted& wanted, Revision after,
                              std::vector<EventPtr>& out) override {
    ++reads;
    size_t events_max = wanted.events_max;
    if (after < expired) return Fail(Reason::kExpired, "compacted");
    Revision read = after;
    for (const auto& event : events) {
      if (event->revision <= after || event->revision > wanted.through) continue;
      if (events_max == 0) return read;
      read = event->revision;
      if (!event->record->key.starts_with(wanted.prefix)) continue;
      out.push_back(event);
      if (--events_max == 0) return read;
    }
    return wanted.through;
  }

  std::vector<EventPtr> events;
  Revision expired;
  int reads = 0;
};

TEST(EventRing, HistoryFillsInWhatLeftTheRing) {
  WholeHistory history;
  EventRing ring(Revision{1}, {.events_max = 5}, &history);
  for (uint64_t revision = 2; revision <= 20; ++revision) {
    history.events.push_back(MakeEvent(revision, revision % 2 == 0 ? "/p/a" : "/q/a"));
    ring.Publish({&history.events.back(), 1});
  }
  const auto cursor = ring.Watch({"/p/", Revision{5}}, nullptr);
  EXPECT_EQ(Next(*cursor, 3), "/p/a@6 /p/a@8 /p/a@10");
  EXPECT_EQ(Next(*cursor, 100), "/p/a@12 /p/a@14 /p/a@16 /p/a@18 /p/a@20");
  const int reads = history.reads;
  EXPECT_EQ(Next(*cursor), "");
  EXPECT_EQ(history.reads, reads) << "a cursor that has caught up leaves the history alone";
  history.expired = Revision{8};
  const auto late = ring.Watch({"/p/", Revision{7}}, nullptr);
  EXPECT_EQ(Next(*late), "Expired");
}

TEST(EventRing, RevisionsMayBePassedOverAndOneMayHaveSeveralEvents) {
  EventRing ring(Revision{1}, {.events_max = 4}, nullptr);
  const auto cursor = ring.Watch({"/p/", Revision{1}}, nullptr);
  const std::vector<EventPtr> batch = {MakeEvent(4, "/p/a"), MakeEvent(7, "/p/b"),
                                       MakeEvent(7, "/q/a"), MakeEvent(7, "/p/c")};
  ring.Publish(batch, Revision{9});
  EXPECT_EQ(ring.Current(), Revision{9});
  EXPECT_EQ(Next(*cursor, 1), "/p/a@4");
  EXPECT_EQ(cursor->position(), Revision{4}) << "nothing is known of 5 and 6 before 7 is looked at";
  EXPECT_EQ(Next(*cursor, 1), "/p/b@7 /p/c@7") << "a revision is returned whole";
  EXPECT_EQ(Next(*cursor, 1), "");
  EXPECT_EQ(cursor->position(), Revision{9});
  EXPECT_EQ(Next(*ring.Watch({"/p/", Revision{5}}, nullptr)), "/p/b@7 /p/c@7");
  const EventPtr next = MakeEvent(10, "/p/d");
  ring.Publish({&next, 1});
  EXPECT_EQ(Next(*ring.Watch({"/p/", Revision{4}}, nullptr)), "/p/b@7 /p/c@7 /p/d@10");
  const EventPtr last = MakeEvent(11, "/p/e");
  ring.Publish({&last, 1});
  EXPECT_EQ(Next(*ring.Watch({"/p/", Revision{4}}, nullptr)), "Expired") << "7 left, all of it";
  EXPECT_EQ(Next(*ring.Watch({"/p/", Revision{7}}, nullptr)), "/p/d@10 /p/e@11");
}

TEST(EventRing, WhoseEventsWereSkippedIsWokenAndAsksTheHistory) {
  WholeHistory history;
  EventRing ring(Revision{1}, {.events_max = 4}, &history);
  int wakes = 0;
  const auto cursor = ring.Watch({"/p/", Revision{1}}, [&] { ++wakes; });
  ring.Skip(Revision{5});
  EXPECT_EQ(ring.Current(), Revision{5});
  EXPECT_EQ(wakes, 1);
  history.events = {MakeEvent(3, "/p/a")};
  EXPECT_EQ(Next(*cursor), "/p/a@3");
  history.expired = Revision{6};
  ring.Skip(Revision{8});
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(Next(*cursor), "Expired");
}

TEST(EventRing, AHistoryThatCannotBeReadYetLosesNothing) {
  class Away final : public EventHistory {
   public:
    Result<Revision> ReadEvents(const Wanted& wanted, Revision after,
                                std::vector<EventPtr>& out) override {
      if (is_away) return after;
      return history.ReadEvents(wanted, after, out);
    }
    bool is_away = true;
    WholeHistory history;
  };
  Away away;
  away.history.events = {MakeEvent(2, "/p/a"), MakeEvent(3, "/p/b")};
  EventRing ring(Revision{3}, {.events_max = 4}, &away);
  int wakes = 0;
  const auto cursor = ring.Watch({"/p/", Revision{1}}, [&] { ++wakes; });
  const auto gone = ring.Watch({"/p/", Revision{1}}, nullptr);
  EXPECT_EQ(Next(*gone), "");
  EXPECT_EQ(Next(*cursor), "");
  EXPECT_EQ(Next(*cursor), "") << "asking again changes nothing";
  EXPECT_EQ(cursor->position(), Revision{1});
  Publish(ring, "/p/c");
  EXPECT_EQ(wakes, 0) << "it could not show it yet";
  away.is_away = false;
  ring.WakeStalled();
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(Next(*cursor), "/p/a@2 /p/b@3 /p/c@4");
}

TEST(EventRing, ACursorMayGoWhileItsPrefixIsBeingWoken) {
  EventRing ring(Revision{1}, {.events_max = 16}, nullptr);
  std::jthread writer([&](std::stop_token stop) {
    while (!stop.stop_requested()) Publish(ring, "/p/a");
  });
  for (int i = 0; i < 2000; ++i) {
    auto alive = std::make_unique<std::atomic<int>>(0);
    auto cursor = ring.Watch({"/p/", ring.Current()}, [&alive] { ++*alive; });
    std::vector<EventPtr> events;
    (void)cursor->Next(4, events);  // It may have fallen off already.
    cursor.reset();
    alive.reset();  // A wake after this would be a use after free.
  }
  writer.request_stop();
  writer.join();
  EXPECT_EQ(Next(*ring.Watch({"/p/", ring.Current()}, nullptr)), "");
}

}  // namespace
}  // namespace skiff
