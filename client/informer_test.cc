// What users of informers must keep to; what they see is tested with whole controllers.
#include "client/informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "client/client.h"
#include "client/transport.h"

namespace skiff {
namespace {

class InformerTest : public testing::Test {
 protected:
  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  SteppedExecutor executor_{clock_, 1};
};
using InformerDeathTest = InformerTest;

TEST_F(InformerTest, TellsEveryHandlerOfWhatIsThereAndOfChanges) {
  int first = 0, second = 0;
  const auto pods = informers_.For<core_v1::Pod>();
  pods.OnChange([&](const auto&, const auto&) { ++first; });
  pods.OnChange([&](const auto&, const auto&) { ++second; });
  const Json pod = {{"metadata", {{"name", "a"}, {"namespace", "default"}, {"uid", "1"}}}};
  pods.cache().Replace({pod}, "1");
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  ASSERT_NE(pods.Get({"default", "a"}), nullptr);
  pods.cache().Replace({}, "2");
  EXPECT_EQ(first, 2);
  EXPECT_EQ(pods.Get({"default", "a"}), nullptr);
}

TEST_F(InformerTest, IsAskedByWhoControlsAnObjectNow) {
  const auto pods = informers_.For<core_v1::Pod>();
  auto& cache = pods.cache();
  const auto pod = [](const char* version, const char* owner) {
    Json metadata = {{"name", "a"}, {"namespace", "n"}, {"uid", "1"}, {"resourceVersion", version}};
    if (*owner != 0) {
      metadata["ownerReferences"] = {{{"uid", owner}, {"controller", true}, {"name", "set"}}};
    }
    return RawJson(Json{{"metadata", metadata}});
  };
  const auto change = [&](const char* version, const char* owner) {
    cache.Apply({.type = WatchEvent::Type::kModified, .object = pod(version, owner)});
  };
  cache.Replace({pod("1", "x")}, "1");
  change("2", "x");
  EXPECT_EQ(cache.ControlledBy("n", "x").size(), 1u);
  EXPECT_EQ(cache.ControlledBy("n", "x")[0].metadata->resource_version, "2");
  change("3", "");
  EXPECT_TRUE(cache.ControlledBy("n", "x").empty());
  EXPECT_EQ(cache.OrphansIn("n").size(), 1u);
  change("4", "y");
  EXPECT_TRUE(cache.OrphansIn("n").empty());
  EXPECT_EQ(cache.ControlledBy("n", "y").size(), 1u);
}

TEST_F(InformerTest, FindsByKeyAndListsInOrderWhateverComesAndGoes) {
  const auto pods = informers_.For<core_v1::Pod>();
  auto& cache = pods.cache();
  std::map<ObjectKey, std::string> known;  // Versions.
  SeededRandom random(7);
  cache.Replace({}, "1");
  for (int version = 2; version < 2'000; ++version) {
    const ObjectKey key{"n-" + std::to_string(random.Below(2)),
                        "p-" + std::to_string(random.Below(40))};
    const std::string text = std::to_string(version);
    const bool deleted = known.contains(key) && random.Below(3) == 0;
    const RawJson pod(Json{{"metadata",
                            {{"name", key.name},
                             {"namespace", key.namespace_},
                             {"uid", key.Text()},
                             {"resourceVersion", text}}}});
    cache.Apply({.type = deleted ? WatchEvent::Type::kDeleted : WatchEvent::Type::kModified,
                 .object = pod});
    known[key] = text;
    if (deleted) known.erase(key);
    ASSERT_EQ(cache.size(), known.size());
    const auto found = cache.Get(key);
    ASSERT_EQ(found.metadata != nullptr, known.contains(key));
    EXPECT_TRUE(!found || found.metadata->resource_version == text);
  }
  auto next = known.begin();
  for (const auto& object : cache.List()) {
    EXPECT_EQ(KeyOf(*pods.Get(next->first)), next->first);
    EXPECT_EQ(object.metadata->resource_version, next++->second);
  }
  EXPECT_EQ(cache.ListIn("n-0").size() + cache.ListIn("n-1").size(), known.size());
}

TEST_F(InformerTest, CountsFollowWhatIsThere) {
  const auto pods = informers_.For<core_v1::Pod>();
  auto& cache = pods.cache();
  // By namespace and by their label "app".
  cache.AddCounts("apps", [](const CachedObject& object) -> InformerCache::Counted {
    const auto app = object.metadata->labels.find("app");
    if (app == object.metadata->labels.end()) return {};
    return {object.metadata->namespace_, app->second};
  });
  const auto pod = [](const char* namespace_, const char* name, const Json& labels) {
    return RawJson(
        Json{{"metadata",
              {{"name", name}, {"namespace", namespace_}, {"uid", name}, {"labels", labels}}}});
  };
  using Counts = std::map<std::string, int64_t>;
  const auto counts = [&](const char* group) { return cache.CountsOf("apps", group, {}).counts; };
  cache.Replace({pod("a", "1", {{"app", "web"}}), pod("a", "2", {{"app", "web"}}),
                 pod("a", "3", {{"app", "db"}}), pod("b", "1", {{"app", "web"}}),
                 pod("b", "2", Json::object())},
                "1");
  EXPECT_EQ(counts("a"), (Counts{{"web", 2}, {"db", 1}}));
  EXPECT_EQ(counts("b"), (Counts{{"web", 1}}));
  cache.Apply({.type = WatchEvent::Type::kModified, .object = pod("a", "2", {{"app", "db"}})});
  cache.Apply({.type = WatchEvent::Type::kModified, .object = pod("b", "2", {{"app", "db"}})});
  cache.Apply({.type = WatchEvent::Type::kDeleted, .object = pod("b", "1", {{"app", "web"}})});
  EXPECT_EQ(counts("a"), (Counts{{"web", 1}, {"db", 2}}));
  EXPECT_EQ(counts("b"), (Counts{{"db", 1}}));
  const auto both = cache.CountsOf("apps", "a", {{"a", "1"}, {"b", "1"}});
  ASSERT_EQ(both.some.size(), 1U) << "the other one is gone";
  EXPECT_EQ(both.some[0].metadata->name, "1");
  cache.Replace({}, "2");
  EXPECT_EQ(counts("a"), Counts());
}

// It would never hear of the objects that are there already.
TEST_F(InformerDeathTest, AHandlerThatComesAfterTheStartEndsTheProgram) {
  const auto pods = informers_.For<core_v1::Pod>();
  informers_.Start(executor_);
  EXPECT_DEATH(pods.OnChange([](const auto&, const auto&) {}), "started_");
  EXPECT_DEATH(pods.cache().OnSynced([] {}), "started_");
  informers_.Stop();
}

Json PodNamed(const char* name, const char* version) {
  return {{"metadata",
           {{"name", name}, {"namespace", "n"}, {"uid", name}, {"resourceVersion", version}}}};
}

TEST_F(InformerTest, WhoComesToAnOpenCacheHearsOfWhatIsThereAndThenOfChanges) {
  const auto pods = informers_.For<core_v1::Pod>();
  auto& cache = pods.cache();
  std::vector<std::string> first, late;
  const auto note = [](std::vector<std::string>& heard) {
    return [&heard](const auto& before, const auto& now) {
      heard.push_back(now ? (before ? "~" : "+") + now->metadata.name
                          : "-" + before->metadata.name);
    };
  };
  pods.OnChange(note(first));
  informers_.Start(executor_);
  cache.Replace({PodNamed("a", "1"), PodNamed("b", "1")}, "1");
  informers_.Open();
  pods.OnChange(note(late));
  pods.AddIndex(
      "name", [](const core_v1::Pod& pod) { return std::vector<std::string>{pod.metadata.name}; });
  cache.AddCounts("all", [](const CachedObject&) { return InformerCache::Counted{"g", "s"}; });
  bool is_synced = false;
  cache.OnSynced([&] { is_synced = true; });
  EXPECT_EQ(pods.ByIndex("name", "a").size(), 1U);
  EXPECT_EQ(cache.CountsOf("all", "g", {}).counts.at("s"), 2);
  // What comes before it is let in is among what it is told of then.
  cache.Apply({.type = WatchEvent::Type::kAdded, .object = RawJson(PodNamed("c", "2"))});
  EXPECT_THAT(late, testing::IsEmpty());
  EXPECT_FALSE(is_synced);
  informers_.Start(executor_);
  EXPECT_THAT(late, testing::ElementsAre("+a", "+b", "+c"));
  EXPECT_TRUE(is_synced);
  cache.Apply({.type = WatchEvent::Type::kDeleted, .object = RawJson(PodNamed("a", "3"))});
  EXPECT_EQ(late.back(), "-a");
  EXPECT_THAT(first, testing::ElementsAre("+a", "+b", "+c", "-a"));
  EXPECT_TRUE(pods.ByIndex("name", "a").empty());
  informers_.Stop();
}

TEST_F(InformerTest, WhoComesToAnOpenCacheThatHasNoListYetHearsOfItOnce) {
  const auto pods = informers_.For<core_v1::Pod>();
  informers_.Start(executor_);
  informers_.Open();
  int heard = 0, synced = 0;
  pods.OnChange([&](const auto&, const auto&) { ++heard; });
  pods.cache().OnSynced([&] { ++synced; });
  informers_.For<core_v1::Node>();  // Nobody followed these.
  informers_.Start(executor_);
  EXPECT_EQ(heard + synced, 0);
  pods.cache().Replace({PodNamed("a", "1")}, "1");
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(synced, 1);
  informers_.Stop();
}

TEST_F(InformerTest, WhatOthersAddMeanwhileLetsNobodyInToAnOpenCache) {
  const auto pods = informers_.For<core_v1::Pod>();
  informers_.Start(executor_);
  pods.cache().Replace({PodNamed("a", "1")}, "1");
  informers_.Open();
  int heard = 0;
  pods.OnChange([&](const auto&, const auto&) { ++heard; });
  informers_.For<core_v1::Node>();
  informers_.StartAdded();
  EXPECT_TRUE(pods.cache().is_open());
  pods.OnChange([&](const auto&, const auto&) { ++heard; });
  EXPECT_EQ(heard, 0);
  informers_.Start(executor_);
  EXPECT_EQ(heard, 2);
  informers_.Stop();
  informers_.StartAdded();  // Nothing runs any more, nor does it by this.
}

TEST_F(InformerDeathTest, AHandlerThatComesWhenAnOpenCacheIsClosedAgainEndsTheProgram) {
  const auto pods = informers_.For<core_v1::Pod>();
  informers_.Start(executor_);
  informers_.Open();
  informers_.Start(executor_);
  EXPECT_DEATH(pods.OnChange([](const auto&, const auto&) {}), "started_");
  informers_.Stop();
}

}  // namespace
}  // namespace skiff
