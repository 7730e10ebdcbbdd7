// How often webhooks are asked about a deletion, and what they are shown: as kube-apiserver's
// registry has it.
#include <gtest/gtest.h>

#include <mutex>
#include <vector>

#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

class DeletionHooks : public HookFixture, public http::Handler {
 protected:
  DeletionHooks() { StartHook(*this); }
  ~DeletionHooks() override { StopHook(); }

  http::Response Handle(const http::Request& request) override {
    const Json review = Json::parse(request.body);
    const std::lock_guard lock(mutex_);
    seen_.push_back(review["request"]);
    const bool is_marked = review["request"]["oldObject"].is_object() &&
                           review["request"]["oldObject"]["metadata"].contains("deletionTimestamp");
    if (!denies_all_ && !(denies_marked_ && is_marked)) return Says(review, {{"allowed", true}});
    return Says(review, {{"allowed", false}, {"status", {{"code", 403}, {"message", "no"}}}});
  }
  void AskAbout(const std::string& resource) {
    Configure("validatingwebhookconfigurations", "w",
              {Hook("w", {{"rules",
                           {{{"operations", {"DELETE", "CREATE"}},
                             {"apiGroups", {""}},
                             {"apiVersions", {"v1"}},
                             {"resources", {resource}}}}}})});
  }
  // What was asked since the last call.
  std::vector<Json> Seen() {
    const std::lock_guard lock(mutex_);
    return std::exchange(seen_, {});
  }
  void Deny(bool all) {
    const std::lock_guard lock(mutex_);
    (all ? denies_all_ : denies_marked_) = true;
  }
  void MakePod(const std::string& name, Json spec = Json::object()) {
    spec["containers"] = Json::array({{{"name", "c"}, {"image", "i"}}});
    const auto made = Post(pods_, Json{{"metadata", {{"name", name}}}, {"spec", spec}}.dump());
    ASSERT_EQ(made.code, 201) << made.message();
    Seen();
  }

  const std::string pods_ = "/api/v1/namespaces/default/pods";
  std::mutex mutex_;
  std::vector<Json> seen_;
  bool denies_all_ = false, denies_marked_ = false;
};

TEST_F(DeletionHooks, APodThatGoesAtOnceIsMarkedAndAskedAboutAgain) {
  AskAbout("pods");
  MakePod("a");
  ASSERT_EQ(Ask("DELETE", pods_ + "/a?dryRun=All").code, 200);
  EXPECT_EQ(Seen().size(), 1u);
  ASSERT_EQ(Ask("DELETE", pods_ + "/a").code, 200);
  const auto seen = Seen();
  ASSERT_EQ(seen.size(), 2u);
  for (const Json& request : seen) {
    EXPECT_EQ(request["operation"], "DELETE");
    EXPECT_EQ(request["name"], "a");
    EXPECT_TRUE(request["object"].is_null());
    EXPECT_EQ(request["options"]["gracePeriodSeconds"], 0) << "no node runs it";
  }
  EXPECT_FALSE(seen[0]["oldObject"]["metadata"].contains("deletionTimestamp"));
  EXPECT_TRUE(seen[1]["oldObject"]["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(seen[1]["oldObject"]["metadata"]["deletionGracePeriodSeconds"], 0);
  EXPECT_EQ(Get(pods_ + "/a").code, 404);
}

TEST_F(DeletionHooks, WhoRefusesTheSecondTimeLeavesThePodMarked) {
  AskAbout("pods");
  MakePod("a");
  MakePod("b");
  Deny(false);
  const auto refused = Ask("DELETE", pods_ + "/a");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(), "admission webhook \"w.example.com\" denied the request: no");
  EXPECT_EQ(Ask("DELETE", pods_).code, 403);
  const auto left = Get(pods_ + "/a");
  ASSERT_EQ(left.code, 200);
  EXPECT_EQ(left.body["metadata"]["deletionGracePeriodSeconds"], 0);
  EXPECT_TRUE(left.body["metadata"].contains("deletionTimestamp"));
}

TEST_F(DeletionHooks, APodThatIsGoingIsAskedAboutWhereItIsToGoSooner) {
  AskAbout("pods");
  MakePod("a", {{"nodeName", "n"}});
  ASSERT_EQ(Ask("DELETE", pods_ + "/a").code, 200);
  const auto first = Seen();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0]["options"]["gracePeriodSeconds"], 30);
  ASSERT_EQ(Ask("DELETE", pods_ + "/a").code, 200);
  ASSERT_EQ(Ask("DELETE", pods_ + "/a?gracePeriodSeconds=30").code, 200);
  EXPECT_EQ(Seen().size(), 0u) << "nothing changes";
  ASSERT_EQ(Ask("DELETE", pods_ + "/a?gracePeriodSeconds=5").code, 200);
  const auto sooner = Seen();
  ASSERT_EQ(sooner.size(), 1u);
  EXPECT_EQ(sooner[0]["options"]["gracePeriodSeconds"], 5);
  EXPECT_EQ(sooner[0]["oldObject"]["metadata"]["deletionGracePeriodSeconds"], 30);
  ASSERT_EQ(Ask("DELETE", pods_ + "/a?gracePeriodSeconds=0").code, 200);
  const auto last = Seen();
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0]["oldObject"]["metadata"]["deletionGracePeriodSeconds"], 5);
  EXPECT_EQ(last[1]["oldObject"]["metadata"]["deletionGracePeriodSeconds"], 0);
}

TEST_F(DeletionHooks, OfACollectionTheOptionsAreThoseThatWereSent) {
  AskAbout("pods");
  MakePod("a", {{"nodeName", "n"}});
  ASSERT_EQ(Ask("DELETE", pods_).code, 200);
  const auto seen = Seen();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_FALSE(seen[0].contains("name"));
  EXPECT_FALSE(seen[0]["options"].contains("gracePeriodSeconds"));
  ASSERT_EQ(Ask("DELETE", pods_).code, 200);
  EXPECT_EQ(Seen().size(), 0u) << "it is going";
}

TEST_F(DeletionHooks, ANamespaceIsAskedAboutOnce) {
  const auto made = Post("/api/v1/namespaces", R"({"metadata": {"name": "n"}})");
  ASSERT_EQ(made.code, 201);
  AskAbout("namespaces");
  ASSERT_EQ(Ask("DELETE", "/api/v1/namespaces/n").code, 200);
  const auto seen = Seen();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0]["options"]["preconditions"]["uid"], made.body["metadata"]["uid"]);
  ASSERT_EQ(Ask("DELETE", "/api/v1/namespaces/n").code, 200);
  EXPECT_EQ(Seen().size(), 0u) << "it is going";
}

// Of an eviction its body is asked about, and not the deletion that follows from it.
TEST_F(DeletionHooks, AnEvictionIsAskedAboutBeforeThereIsLookedForItsPod) {
  MakePod("a");
  AskAbout("*/*");
  ASSERT_EQ(Post(pods_ + "/a/eviction", R"({"metadata": {"name": "a"}})").code, 201);
  const auto seen = Seen();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0]["operation"], "CREATE");
  EXPECT_EQ(seen[0]["subResource"], "eviction");
  EXPECT_EQ(seen[0]["object"]["kind"], "Eviction");
  EXPECT_TRUE(seen[0]["oldObject"].is_null());
  Deny(true);
  EXPECT_EQ(Post(pods_ + "/none/eviction", R"({"metadata": {"name": "none"}})").code, 403);
}

}  // namespace
}  // namespace skiff
