// What becomes of watches when the definition of their kind is written.
#include <optional>

#include "apiserver/kinds/custom_resources_fixture.h"
#include "apiserver/watches/watch.h"
#include "base/allocated_bytes.h"

namespace skiff {
namespace {

class DefinitionWatches : public CustomResources {
 protected:
  Answer Watch(const std::string& query) {
    Answer watch = Get(path_ + query);
    EXPECT_EQ(watch.code, 200) << watch.message();
    watch.response.stream->Attach([] {});
    return watch;
  }
  // Whether the stream has an end, and nothing before it.
  static bool IsOver(Answer& watch) {
    std::vector<http::SharedBytes> chunks;
    const http::Pulled pulled = watch.response.stream->Pull(1 << 20, chunks);
    EXPECT_TRUE(chunks.empty());
    return pulled == http::Pulled::kEnd;
  }
};

TEST_F(DefinitionWatches, AWatchEndsWhereItsDefinitionComesToSaySomethingElse) {
  Define(Definition(Schema()));
  Post(path_, Cron("a", {{"image", "web"}}));
  Answer watch = Watch("?watch=1&fieldSelector=spec.image=web");
  ASSERT_EQ(Events(watch.response).size(), 1u);
  const Answer before = Merge(path_ + "/a", R"({"spec": {"replicas": 2}})");
  const Json late = {
      {"op", "add"},
      {"path", "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/late"},
      {"value", {{"type", "string"}, {"default", "later"}}}};
  const Answer changed = Ask("PATCH", definitions_ + "/crons.example.com",
                             Json::array({late}).dump(), "application/json-patch+json");
  ASSERT_EQ(changed.code, 200) << changed.message();
  EXPECT_EQ(Get(path_ + "/a").body["spec"]["late"], "later") << "also of what was stored before";
  Merge(path_ + "/a", R"({"spec": {"image": "db"}})");
  std::vector<Json> events = Events(watch.response);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["object"]["spec"], Json::parse(R"({"image": "web", "replicas": 2})"));
  EXPECT_TRUE(IsOver(watch));
  // It goes on from there.
  watch = Watch("?watch=1&fieldSelector=spec.image=web&resourceVersion=" +
                before.body["metadata"]["resourceVersion"].get<std::string>());
  events = Events(watch.response);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["type"], "DELETED");
  EXPECT_EQ(events[0]["object"]["spec"]["late"], "later");
  EXPECT_FALSE(IsOver(watch));
}

TEST_F(DefinitionWatches, AWatchThatNobodyWritesToIsWokenByItsDefinition) {
  Define(Definition(Schema()));
  Answer watch = Get(path_ + "?watch=1");
  int woken = 0;
  watch.response.stream->Attach([&woken] { ++woken; });
  EXPECT_FALSE(IsOver(watch));
  ASSERT_EQ(
      Merge(definitions_ + "/crons.example.com", R"({"spec": {"names": {"shortNames": ["c"]}}})")
          .code,
      200);
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(IsOver(watch));
}

TEST_F(DefinitionWatches, AWatchOutlivesWhatDoesNotChangeItsKind) {
  Define(Definition(Schema()));
  Json longer = Definition(Schema());  // Its key begins with the other's.
  longer["metadata"]["name"] = "crons.example.community";
  longer["spec"]["group"] = "example.community";
  Answer watch = Watch("?watch=1");
  Define(longer);
  ASSERT_EQ(
      Merge(definitions_ + "/crons.example.com", R"({"metadata": {"labels": {"tier": "one"}}})")
          .code,
      200);
  Settle();
  EXPECT_FALSE(IsOver(watch));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  EXPECT_EQ(Events(watch.response).size(), 1u);
}

// As another client may write the same.
TEST_F(DefinitionWatches, AWatchOutlivesADefaultWithItsMembersInAnotherOrder) {
  Json definition = Definition(Schema());
  definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
            ["properties"]["limits"] = {{"type", "object"},
                                        {"x-kubernetes-preserve-unknown-fields", true},
                                        {"default", {{"cpu", 1}, {"memory", 2}}}};
  Define(definition);
  Answer watch = Watch("?watch=1");
  const std::string path = definitions_ + "/crons.example.com";
  const Json before = Get(path).body;
  std::string text = before.dump();
  const std::string sorted = R"({"cpu":1,"memory":2})";
  ASSERT_NE(text.find(sorted), std::string::npos);
  text.replace(text.find(sorted), sorted.size(), R"({"memory":2,"cpu":1})");
  const Answer written = Ask("PUT", path, text);
  ASSERT_EQ(written.code, 200) << written.message();
  EXPECT_EQ(written.body["metadata"]["generation"], before["metadata"]["generation"]);
  EXPECT_EQ(written.body["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
  EXPECT_FALSE(IsOver(watch));
}

TEST_F(DefinitionWatches, AWatchHearsOfWhatGoesWithItsDefinitionAndEnds) {
  Define(Definition(Schema()));
  Post(path_, Cron("a", {{"image", "web"}}));
  Answer watch = Watch("?watch=1");
  ASSERT_EQ(Events(watch.response).size(), 1u);
  ASSERT_EQ(Ask("DELETE", definitions_ + "/crons.example.com").code, 200);
  Settle();
  EXPECT_FALSE(IsOver(watch)) << "what goes with it is still to be told";
  for (int seconds = 0; seconds < 60; ++seconds) {
    if (Get(definitions_ + "/crons.example.com").code == 404) break;
    clock_.Advance(1s);
    Settle();
  }
  EXPECT_EQ(Get(definitions_ + "/crons.example.com").code, 404);
  const std::vector<Json> events = Events(watch.response);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["type"], "DELETED");
  EXPECT_TRUE(IsOver(watch));
}

// What is stored in a version that the watch does not know is not its to fail at.
TEST_F(DefinitionWatches, AWatchEndsInPeaceWhenAnotherVersionIsStored) {
  Json definition = Definition(Schema());
  Define(definition);
  Post(path_, Cron("a", {{"image", "web"}}));
  Answer watch = Watch("?watch=1");
  ASSERT_EQ(Events(watch.response).size(), 1u);
  Json& versions = definition["spec"]["versions"];
  versions.push_back(versions[0]);
  versions[0]["storage"] = false;
  versions[1]["name"] = "v2";
  ASSERT_EQ(
      Merge(definitions_ + "/crons.example.com", Json{{"spec", {{"versions", versions}}}}.dump())
          .code,
      200);
  ASSERT_EQ(Merge(path_ + "/a", R"({"spec": {"replicas": 2}})").code, 200);
  EXPECT_TRUE(Events(watch.response).empty());
  EXPECT_TRUE(IsOver(watch));
}

// The ring keeps eight megabytes, and what leaves it is read later than what is still there.
class BygoneDefinition : public DefinitionWatches {
 protected:
  void SetUp() override {
    store_->ReadHistoryAside();
    Define(Definition(Schema()));
    ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
    watch_ = Watch("?watch=1&allowWatchBookmarks=true");
    const std::vector<Json> events = Events(watch_.response);
    ASSERT_EQ(events.size(), 2u) << "the object, and that these were all";
    ASSERT_EQ(events[1]["type"], "BOOKMARK");
  }
  // Writes the definition, and an object once that write has left the ring.
  void Write(const std::string& definition_patch) {
    ASSERT_EQ(Merge(definitions_ + "/crons.example.com", definition_patch).code, 200);
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(store_->Apply({.key = "/large/x", .value = std::string(1 << 20, 'x')}));
    }
    ASSERT_EQ(Merge(path_ + "/a", R"({"spec": {"replicas": 2}})").code, 200);
    clock_.Advance(kBookmarkPeriod);
  }
  void ReadHistory() {
    while (store_->history_loop().Step() == Duration::zero()) {
    }
  }
  // What comes once the history is read, which may be several pieces.
  std::vector<Json> BygoneEvents() {
    for (int pieces = 0; pieces < 5; ++pieces) {
      ReadHistory();
      if (auto events = Events(watch_.response); !events.empty()) return events;
    }
    return {};
  }

  Answer watch_;
};

TEST_F(BygoneDefinition, NothingIsShownOfAnotherKind) {
  Write(R"({"spec": {"names": {"shortNames": ["c"]}}})");
  std::vector<Json> events = Events(watch_.response);
  ASSERT_EQ(events.size(), 1u) << "its kind is not known yet";
  EXPECT_EQ(events[0]["type"], "BOOKMARK");
  const std::string seen = events[0]["object"]["metadata"]["resourceVersion"];
  EXPECT_FALSE(IsOver(watch_));
  ReadHistory();
  EXPECT_TRUE(IsOver(watch_));
  Answer next = Watch("?watch=1&resourceVersion=" + seen);
  events = Events(next.response);
  ASSERT_EQ(events.size(), 1u) << "nothing was promised that had not been shown";
  EXPECT_EQ(events[0]["type"], "MODIFIED");
}

TEST_F(BygoneDefinition, WhatWaitedIsShownWhenItIsStillOfTheKind) {
  Write(R"({"metadata": {"labels": {"tier": "one"}}})");
  ASSERT_EQ(Events(watch_.response).size(), 1u) << "a bookmark";
  const std::vector<Json> events = BygoneEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["type"], "MODIFIED");
  EXPECT_FALSE(IsOver(watch_));
  ASSERT_EQ(Merge(path_ + "/a", R"({"spec": {"replicas": 3}})").code, 200);
  EXPECT_EQ(Events(watch_.response).size(), 1u);
}

TEST_F(DefinitionWatches, AWatchFromTheFarthestFutureWaits) {
  Define(Definition(Schema()));
  Answer watch = Watch("?watch=1&resourceVersion=9223372036854775807");
  EXPECT_FALSE(IsOver(watch));
  watch = Watch("?watch=1&resourceVersion=18446744073709551615");
  EXPECT_FALSE(IsOver(watch));
}

// Nobody misses anything, and nothing of the old kind stays behind.
TEST_F(DefinitionWatches, AThousandGoOnFromWhereTheyWere) {
  constexpr size_t kWatches = 1'000;
  constexpr int kUpdates = 20, kEach = 3;
  Define(Definition(Schema()));
  const Json made = Post(path_, Cron("a", {{"image", "web"}})).body;
  struct Client {
    Answer watch;
    std::string seen;  // Its last resourceVersion.
    size_t events = 0;
  };
  std::vector<Client> clients(kWatches);
  for (Client& client : clients) {
    client.seen = made["metadata"]["resourceVersion"];
    client.watch = Watch("?watch=1&resourceVersion=" + client.seen);
  }
  std::optional<size_t> before;
  for (int update = 1; update <= kUpdates; ++update) {
    for (int i = 0; i < kEach; ++i) {
      const int replicas = kEach * update + i;
      ASSERT_EQ(Merge(path_ + "/a", Json{{"spec", {{"replicas", replicas}}}}.dump()).code, 200);
    }
    const Json names = {{"shortNames", {"c" + std::to_string(update)}}};
    ASSERT_EQ(
        Merge(definitions_ + "/crons.example.com", Json{{"spec", {{"names", names}}}}.dump()).code,
        200);
    Settle();
    for (Client& client : clients) {
      for (const Json& event : Events(client.watch.response)) {
        ASSERT_EQ(event["type"], "MODIFIED");
        client.seen = event["object"]["metadata"]["resourceVersion"];
        ++client.events;
      }
      ASSERT_TRUE(IsOver(client.watch));
      client.watch = Watch("?watch=1&resourceVersion=" + client.seen);
    }
    if (update == kUpdates / 2) before = AllocatedBytes();
  }
  for (const Client& client : clients) EXPECT_EQ(client.events, size_t{kUpdates * kEach});
  if (before) {
    EXPECT_LT(*AllocatedBytes(), *before + kWatches * 1'000);
  }
}

}  // namespace
}  // namespace skiff
