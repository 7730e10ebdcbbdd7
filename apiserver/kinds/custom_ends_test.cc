// What becomes of definitions whose objects do not go.
#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

class CustomEnds : public CustomResources {
 protected:
  Json Terminating() {
    Json definition = Get(definitions_ + "/crons.example.com").body;
    for (const Json& condition : definition["status"]["conditions"]) {
      if (condition["type"] == "Terminating") return condition;
    }
    return Json::object();
  }
};

TEST_F(CustomEnds, ADefinitionWhoseObjectsDoNotGoSaysSoAfterAMinute) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  ASSERT_EQ(Merge(path_ + "/a", R"({"metadata": {"finalizers": ["example.com/hold"]}})").code, 200);
  ASSERT_EQ(Ask("DELETE", definitions_ + "/crons.example.com").code, 200);
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(2s);
    Settle();
  }
  EXPECT_TRUE(Get(path_ + "/a").body["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(Terminating().value("reason", ""), "InstanceDeletionInProgress");
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(2s);
    Settle();
  }
  EXPECT_EQ(Terminating().value("status", ""), "True");
  EXPECT_EQ(Terminating().value("reason", ""), "InstanceDeletionCheck");
  EXPECT_EQ(Terminating().value("message", ""),
            "could not confirm zero CustomResources remaining: context deadline exceeded");
  ASSERT_EQ(Merge(path_ + "/a", R"({"metadata": {"finalizers": null}})").code, 200);
  clock_.Advance(2s);
  Settle();
  EXPECT_EQ(Get(definitions_ + "/crons.example.com").code, 404);
}

}  // namespace
}  // namespace skiff
