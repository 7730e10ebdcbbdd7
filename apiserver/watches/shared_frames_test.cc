#include "apiserver/watches/shared_frames.h"

#include <gtest/gtest.h>

#include "api/registry.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

constexpr const char* kPath = "/api/v1/namespaces/default/configmaps";

class SharedFramesTest : public ServerFixture {
 protected:
  using Pieces = std::vector<http::SharedBytes>;

  http::Response Watch(const std::string& accept, const std::string& query) {
    auto watch = Ask({.path = std::string(kPath) + "?watch=1&resourceVersion=" +
                              std::to_string(store_->Current().value) + query,
                      .accept = accept});
    EXPECT_EQ(watch.code, 200);
    watch.response.stream->Attach([this] { ++wakes_; });
    return std::move(watch.response);
  }
  static Pieces PiecesOf(http::Response& watch) {
    Pieces out;
    while (watch.stream->Pull(1 << 20, out) == http::Pulled::kMore) {
    }
    return out;
  }
  void Label(const char* value, const std::string& more = "") {
    const Json labels = {{"a", value}, {"more", more.empty() ? "x" : more}};
    ASSERT_EQ(Merge(std::string(kPath) + "/m", Json({{"metadata", {{"labels", labels}}}}).dump())
                  .code,
              200);
  }

  int wakes_ = 0;
};

TEST_F(SharedFramesTest, AllWhoWantTheSameFormGetTheSameBytes) {
  ASSERT_EQ(Post(kPath, R"({"metadata": {"name": "m"}})").code, 201);
  const std::string meta = ";v=v1;g=meta.k8s.io";
  const std::string json = "application/json", protobuf = "application/vnd.kubernetes.protobuf";
  for (const std::string& accept :
       {json, protobuf, json + ";as=Table" + meta, json + ";as=Table;v=v1beta1;g=meta.k8s.io",
        json + ";as=PartialObjectMetadata" + meta, protobuf + ";as=PartialObjectMetadata" + meta}) {
    for (const std::string query : {"", "&includeObject=Object", "&labelSelector=a=b"}) {
      Label("c");
      auto one = Watch(accept, query), other = Watch(accept, query);
      // Into the selection, within it, out of it.
      Label("b");
      Label("b", "y");
      Label("c");
      const Pieces here = PiecesOf(one), there = PiecesOf(other);
      EXPECT_EQ(here.size(), 3u) << accept << query;
      EXPECT_EQ(here, there) << accept << query << ": made twice";
    }
  }
}

TEST_F(SharedFramesTest, FormsThatDifferAreApart) {
  ASSERT_EQ(Post(kPath, R"({"metadata": {"name": "m"}, "data": {"k": "v"}})").code, 201);
  const std::string table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  std::vector<http::Response> watches;
  for (const char* query : {"", "&includeObject=Object", "&includeObject=None"}) {
    watches.push_back(Watch(table, query));
  }
  Label("b");
  std::vector<Json> objects;
  for (http::Response& watch : watches) {
    const auto events = Events(watch);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_TRUE(events[0]["object"]["columnDefinitions"].is_array());
    objects.push_back(events[0]["object"]["rows"][0]["object"]);
  }
  EXPECT_EQ(objects[0]["kind"], "PartialObjectMetadata");
  EXPECT_EQ(objects[1]["data"]["k"], "v");
  EXPECT_TRUE(objects[2].is_null());
  // Who saw one event wants no columns; who is new does.
  watches.push_back(Watch(table, ""));
  Label("c");
  EXPECT_TRUE(Events(watches[0])[0]["object"]["columnDefinitions"].is_null());
  EXPECT_TRUE(Events(watches[3])[0]["object"]["columnDefinitions"].is_array());
}

TEST_F(SharedFramesTest, AnAgeIsToldAnewWhenItIsLongAgo) {
  ASSERT_EQ(Post(kPath, R"({"metadata": {"name": "m"}})").code, 201);
  const std::string table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  auto one = Watch(table, ""), other = Watch(table, "");
  Label("b");
  const auto age = [](http::Response& watch) {
    return Events(watch)[0]["object"]["rows"][0]["cells"][2];
  };
  EXPECT_EQ(age(one), "0s");
  clock_.Advance(60s);
  EXPECT_EQ(age(other), "60s");
}

TEST_F(SharedFramesTest, WhatIsCostlyIsMadeAsideAndInOrder) {
  const std::string big(300'000, 'x');
  const std::string body = Json({{"metadata", {{"name", "big"}}}, {"data", {{"k", big}}}}).dump();
  const std::string table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  auto watch = Watch(table, ""), other = Watch(table, "");
  ASSERT_EQ(Post(kPath, body).code, 201);
  ASSERT_EQ(Post(kPath, R"({"metadata": {"name": "small"}})").code, 201);
  Pieces out;
  wakes_ = 0;
  EXPECT_EQ(watch.stream->Pull(64 << 10, out), http::Pulled::kIdle);
  EXPECT_EQ(other.stream->Pull(64 << 10, out), http::Pulled::kIdle);
  EXPECT_TRUE(out.empty()) << "a loop of connections parsed 300 KB";
  Settle();
  EXPECT_EQ(wakes_, 2);
  const auto events = Events(watch);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["object"]["rows"][0]["cells"][0], "big");
  EXPECT_EQ(events[1]["object"]["rows"][0]["cells"][0], "small");
}

TEST_F(SharedFramesTest, TheStateOfAWatchIsMadeAsideToo) {
  const std::string big(300'000, 'x');
  const Json object = {{"metadata", {{"name", "big"}}}, {"data", {{"k", big}}}};
  ASSERT_EQ(Post(kPath, object.dump()).code, 201);
  auto watch = Ask({.path = std::string(kPath) + "?watch=1&fieldSelector=metadata.name=big",
                    .accept = "application/vnd.kubernetes.protobuf"});
  watch.response.stream->Attach([this] { ++wakes_; });
  EXPECT_EQ(Streamed(watch.response), "");
  Settle();
  EXPECT_EQ(wakes_, 1);
  EXPECT_GT(Streamed(watch.response).size(), big.size());
}

TEST(EventFrames, FormsBeyondManyAreHeldByWhoWaitsForThemAlone) {
  Event event;
  auto& frames = EventFrames::Of(event);
  EXPECT_EQ(&frames, &EventFrames::Of(event));
  std::vector<std::weak_ptr<Frame>> all;
  for (int i = 0; i < 100; ++i) {
    const FrameKey key{.target_version = std::to_string(i)};
    const auto [frame, is_new] = frames.Find(key, {});
    EXPECT_TRUE(is_new);
    EXPECT_FALSE(frames.Find(key, {}).second);
    frame->Set("x");
    frames.Keep(frame);
    all.push_back(frame);
  }
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](auto& frame) { return !frame.expired(); }), 8);
}

std::shared_ptr<Event> EventOf(size_t bytes) {
  auto event = std::make_shared<Event>();
  event->kind = Event::Kind::kPut;
  event->record = std::make_shared<Record>(
      Record{.key = "/k", .value = std::string(bytes, 'x'), .created = {1}, .modified = {1}});
  return event;
}

// Makes a frame of so many bytes, and lets go of it.
std::weak_ptr<Frame> FrameOf(const Event& event, const std::string& form, size_t bytes) {
  const auto [frame, is_new] = EventFrames::Of(event).Find({.target_version = form}, {});
  EXPECT_TRUE(is_new) << form;
  frame->Set(std::string(bytes, 'f'));
  EventFrames::Of(event).Keep(frame);
  return frame;
}

// The same of the event in a version.
std::weak_ptr<EventInVersion> VersionOf(const Event& event, uint64_t serial,
                                        const std::shared_ptr<Event>& in_version) {
  const auto [version, is_new] = EventFrames::Of(event).FindVersion(serial);
  EXPECT_TRUE(is_new) << serial;
  EventFrames::Of(event).KeepVersion(version, *in_version);
  version->Set(EventPtr(in_version));
  return version;
}

constexpr size_t kRecordBytes = 100'000;

TEST(EventFrames, WhatIsMuchLargerThanItsEventIsNotKeptWithIt) {
  const auto event = EventOf(kRecordBytes);
  EXPECT_FALSE(FrameOf(*event, "a", 2 * kRecordBytes).expired());
  EXPECT_TRUE(FrameOf(*event, "b", 3 * kRecordBytes).expired());
  EXPECT_FALSE(FrameOf(*event, "c", kRecordBytes).expired());
  // Of all who come at once it is one all the same.
  const FrameKey key{.target_version = "d"};
  const FramePtr large = EventFrames::Of(*event).Find(key, {}).first;
  large->Set(std::string(7 << 20, 'f'));
  EventFrames::Of(*event).Keep(large);
  EXPECT_EQ(EventFrames::Of(*event).Find(key, {}).first, large);
}

TEST(EventFrames, AVersionThatIsMuchLargerIsHeldByItsWatchersAlone) {
  const auto event = EventOf(kRecordBytes);
  EXPECT_TRUE(VersionOf(*event, 1, EventOf(7 << 20)).expired());
  EXPECT_FALSE(VersionOf(*event, 2, EventOf(kRecordBytes)).expired());
}

TEST(EventFrames, FramesOfAVersionShareTheRoomOfItsEvent) {
  const auto event = EventOf(kRecordBytes), in_version = EventOf(kRecordBytes);
  ASSERT_FALSE(VersionOf(*event, 1, in_version).expired());
  EXPECT_FALSE(FrameOf(*in_version, "a", kRecordBytes).expired());
  EXPECT_FALSE(FrameOf(*event, "a", kRecordBytes).expired());
  EXPECT_FALSE(FrameOf(*in_version, "b", kRecordBytes / 2).expired());
  EXPECT_TRUE(FrameOf(*in_version, "c", kRecordBytes).expired());
  EXPECT_TRUE(FrameOf(*event, "c", kRecordBytes).expired());
}

// A Table that has become old is made anew: the old one takes no room any more.
TEST(EventFrames, WhatIsReplacedGivesItsRoomBack) {
  const auto event = EventOf(kRecordBytes);
  for (int i = 0; i < 100; ++i) {
    const FrameKey table{.target = Target::kTable};
    const TimePoint now = TimePoint() + i * 60s;
    const auto [frame, is_new] = EventFrames::Of(*event).Find(table, now);
    ASSERT_TRUE(is_new);
    frame->Set(std::string(2 * kRecordBytes, 'f'));
    EventFrames::Of(*event).Keep(frame);
    EXPECT_EQ(frame.use_count(), 2) << "kept in turn " << i;
  }
}

TEST_F(SharedFramesTest, OfTheHistoryOnlyWhatIsCostlyIsKept) {
  const Revision before = store_->Current();
  ASSERT_EQ(Post(kPath, R"({"metadata": {"name": "m"}})").code, 201);
  std::vector<EventPtr> events;
  auto cursor = store_->Watch({.prefix = "/registry/configmaps/", .after = before}, [] {});
  ASSERT_TRUE(cursor && (*cursor)->Next(1, events));
  ASSERT_EQ(events.size(), 1u);
  const KindSet kinds{RuntimeKinds()};
  const KindInfo& kind = *kinds.FindKind("v1", "ConfigMap");
  for (const bool bygone : {false, true}) {
    for (const Target target : {Target::kObject, Target::kTable}) {
      auto event = std::make_shared<Event>();
      event->kind = Event::Kind::kPut;
      event->revision = events[0]->revision;
      event->record = events[0]->record;
      event->bygone = bygone;
      FrameMaker maker(WatchJobs{});
      FrameForm form;
      form.media.target = target;
      const FramePtr frame = maker.OfEvent(kind, event, Change::kAdded, form);
      EXPECT_EQ(frame, maker.OfEvent(kind, event, Change::kAdded, form));
      ASSERT_NE(frame->bytes(), nullptr);
      // Of those who hold it, one is here.
      const bool is_kept = frame.use_count() > 1;
      EXPECT_EQ(is_kept, !bygone || target == Target::kTable);
    }
  }
}

}  // namespace
}  // namespace skiff
