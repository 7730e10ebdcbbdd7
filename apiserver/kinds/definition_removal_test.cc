// Definitions that are deleted, and what becomes of their objects, over the real server.
#include "apiserver/kinds/custom_resources_fixture.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"
#include "base/log.h"

namespace skiff {
namespace {

TEST_F(CustomResources, ADeletedDefinitionTakesItsObjectsAlong) {
  Define(Definition(Schema()));
  Post(path_, Cron("a", {{"image", "web"}}));
  Merge(path_ + "/a", R"({"metadata": {"finalizers": ["example.com/hold"]}})");
  const Answer deleted = Ask("DELETE", definitions_ + "/crons.example.com");
  EXPECT_EQ(deleted.code, 200);
  EXPECT_EQ(deleted.body["metadata"]["finalizers"][0],
            "customresourcecleanup.apiextensions.k8s.io");
  Settle();
  EXPECT_EQ(Post(path_, Cron("b", {{"image", "web"}})).message(),
            "crons.example.com \"b\" is forbidden: create not allowed while custom resource definition "
            "is terminating");
  // What is applied has to be right in itself.
  const auto applied = [&](const std::string& name, const Json& spec) {
    return Ask("PATCH", path_ + "/b?fieldManager=f", Cron(name, spec),
               "application/apply-patch+yaml");
  };
  EXPECT_EQ(applied("b", {{"image", "web"}}).code, 403);
  EXPECT_EQ(applied("c", {{"image", "web"}}).code, 400);
  EXPECT_EQ(applied("b", {{"nothing", 1}}).code, 500);
  EXPECT_FALSE(Get(path_ + "/a").body["metadata"].contains("deletionTimestamp"));
  clock_.Advance(2s);
  Settle();
  EXPECT_TRUE(Get(path_ + "/a").body["metadata"].contains("deletionTimestamp"));
  Merge(path_ + "/a", R"({"metadata": {"finalizers": null}})");
  clock_.Advance(2s);
  Settle();
  EXPECT_EQ(Get(definitions_ + "/crons.example.com").code, 404);
  EXPECT_EQ(Get(path_).code, 404);
  EXPECT_EQ(Get("/apis/apiregistration.k8s.io/v1/apiservices/v1.example.com").code, 404);
}

// As earlier versions left them behind: no request can name one.
TEST_F(CustomResources, ADeletedDefinitionTakesObjectsOfAnotherScopeAlong) {
  Define(Definition(Schema()));
  Post(path_, Cron("a", {{"image", "web"}}));
  const std::string prefix = StorePrefix("example.com/crons");
  const auto kept = store_->Get(prefix + "default/a");
  ASSERT_TRUE(kept);
  for (const char* name : {"b", "z"}) {
    ASSERT_TRUE(store_->Apply({.key = prefix + name, .value = (*kept)->value}));
  }
  ASSERT_EQ(Ask("DELETE", definitions_ + "/crons.example.com").code, 200);
  for (int i = 0; i < 3; ++i) {
    Settle();
    clock_.Advance(2s);
  }
  EXPECT_EQ(Get(definitions_ + "/crons.example.com").code, 404);
  EXPECT_TRUE(store_->List({.prefix = prefix})->records.empty());
}

// They go as others do, though nobody is shown them any more.
TEST_F(CustomResources, ADeletedDefinitionWaitsForObjectsOfAVersionThatIsNotServed) {
  Define(Definition(Schema()));
  Post(path_, Cron("a", {{"image", "web"}}));
  Post(path_, Cron("b", {{"image", "web"}}));
  Merge(path_ + "/a", R"({"metadata": {"finalizers": ["example.com/hold"]}})");
  Json hidden = Definition(Schema());
  hidden["spec"]["versions"][0]["served"] = false;
  const std::string definition = definitions_ + "/crons.example.com";
  ASSERT_EQ(Merge(definition, Json{{"spec", hidden["spec"]}}.dump()).code, 200);
  Settle();
  ASSERT_EQ(Ask("DELETE", definition).code, 200);
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(2s);
    Settle();
  }
  EXPECT_EQ(Get(definition).code, 200);
  EXPECT_EQ(Get(path_).code, 404) << "it is not shown";
  const std::string prefix = StorePrefix("example.com/crons");
  const auto left = store_->List({.prefix = prefix});
  ASSERT_TRUE(left);
  ASSERT_EQ(left->records.size(), 1u);
  EXPECT_TRUE(left->records[0]->key.ends_with("/a"));
  hidden["spec"]["versions"][0]["served"] = true;
  ASSERT_EQ(Merge(definition, Json{{"spec", hidden["spec"]}}.dump()).code, 200);
  EXPECT_TRUE(Get(path_ + "/a").body["metadata"].contains("deletionTimestamp"));
  Merge(path_ + "/a", R"({"metadata": {"finalizers": null}})");
  clock_.Advance(2s);
  Settle();
  EXPECT_EQ(Get(definition).code, 404);
}

// It lies there as no client could write it, and its status is refused each time.
TEST_F(CustomResources, ADefinitionThatCannotBeSettledIsTriedEverMoreSeldom) {
  Json bad = Definition(Schema());
  bad["metadata"] = {{"name", "bads.example.com"}, {"uid", "u"}};
  bad["spec"]["names"] = {{"plural", "bads"}, {"singular", "bad"}, {"kind", "Not valid"},
                          {"listKind", "BadList"}};
  bad["spec"]["conversion"] = {{"strategy", "None"}};
  const ObjectBody body = BodyOf(bad);
  StoredObject stored = EncodeObject({.labels = {}, .fields = {}, .uid = "u", .body = body});
  const std::string key =
      StorePrefix("apiextensions.k8s.io/customresourcedefinitions") + "bads.example.com";
  ASSERT_TRUE(store_->Apply(
      {.key = key, .value = std::move(stored.value), .revision_at = stored.revision_at}));
  const int before = Log::ErrorCount();
  for (int i = 0; i < 60; ++i) {
    Settle();
    clock_.Advance(1s);
  }
  EXPECT_GE(Log::ErrorCount(), before + 2) << "it is tried again";
  EXPECT_LE(Log::ErrorCount(), before + 7);
  Define(Definition(Schema()));
  EXPECT_EQ(Get(path_).code, 200) << "and holds up no other";
}

}  // namespace
}  // namespace skiff
