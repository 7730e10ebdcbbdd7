// What becomes of an eviction when the pod changes while it is looked at.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/forwarding_store.h"

namespace skiff {
namespace {

constexpr std::string_view kStoredPod = "/registry/pods/default/p";

// Lets something happen, once, right after the pod was read.
class MeanwhileStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    if (away && key == kStoredPod) return Fail(Reason::kInternalError, "away");
    auto record = ForwardingStore::Get(key, at);
    if (meanwhile && key == kStoredPod) std::jthread(std::exchange(meanwhile, nullptr)).join();
    return record;
  }
  Result<ListPage> List(const ListRequest& request) override {
    budget_lists += request.prefix.starts_with("/registry/poddisruptionbudgets/");
    return ForwardingStore::List(request);
  }

  std::function<void()> meanwhile;
  bool away = false;
  int budget_lists = 0;
};

class EvictionRaceTest : public ServerFixture {
 protected:
  static constexpr const char* kPod = "/api/v1/namespaces/default/pods/p";
  static constexpr const char* kBudgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

  EvictionRaceTest() { UseStore(between_); }
  ~EvictionRaceTest() override { UseStore(*store_); }

  void SetStatus(const std::string& ready) {
    const auto set = Merge(std::string(kPod) + "/status",
                           R"({"status": {"phase": "Running", "conditions": [
                               {"type": "Ready", "status": ")" +
                               ready + R"("}]}})");
    EXPECT_EQ(set.code, 200) << set.message();
  }
  // A pod, and a budget for it that has nothing left.
  void MakePod(const std::string& policy) {
    ASSERT_EQ(Post("/api/v1/namespaces/default/pods",
                   R"({"metadata": {"name": "p", "labels": {"a": "b"}},
                       "spec": {"containers": [{"name": "c", "image": "i"}]}})")
                  .code,
              201);
    ASSERT_EQ(Post(kBudgets, R"({"metadata": {"name": "b"}, "spec": {"minAvailable": 1,
                                 "unhealthyPodEvictionPolicy": ")" +
                                 policy + R"(", "selector": {"matchLabels": {"a": "b"}}}})")
                  .code,
              201);
    ASSERT_EQ(Merge(std::string(kBudgets) + "/b/status",
                    R"({"status": {"observedGeneration": 1, "disruptionsAllowed": 0,
                        "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}})")
                  .code,
              200);
  }
  Answer Evict() {
    between_.meanwhile = [this] { SetStatus("True"); };
    return Post(std::string(kPod) + "/eviction", R"({"apiVersion": "policy/v1",
        "kind": "Eviction", "metadata": {"name": "p"}})");
  }

  MeanwhileStore between_{*store_};
};

// Who drains a node would take it for gone.
TEST_F(EvictionRaceTest, APodOfWhichTheStoreCannotTellIsNotMissing) {
  ASSERT_EQ(Post("/api/v1/namespaces/default/pods",
                 R"({"metadata": {"name": "p"},
                     "spec": {"containers": [{"name": "c", "image": "i"}]}})")
                .code,
            201);
  between_.away = true;
  const auto refused = Post(std::string(kPod) + "/eviction", R"({"apiVersion": "policy/v1",
      "kind": "Eviction", "metadata": {"name": "p"}})");
  EXPECT_EQ(refused.code, 500) << refused.message();
  between_.away = false;
  EXPECT_EQ(Get(kPod).code, 200);
}

TEST_F(EvictionRaceTest, APodThatHasBegunMeanwhileIsNotEvictedUnasked) {
  MakePod("IfHealthyBudget");
  const Answer refused = Evict();
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.body["details"]["causes"][0]["message"],
            "The disruption budget b needs 1 healthy pods and has 1 currently");
  EXPECT_EQ(Get(kPod).code, 200);
}

TEST_F(EvictionRaceTest, APodThatIsReadyByNowIsNotTakenForOneThatIsNot) {
  MakePod("AlwaysAllow");
  SetStatus("False");
  const Answer refused = Evict();
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.body["details"]["causes"][0]["message"],
            "The disruption budget b is still being processed by the server.");
  EXPECT_EQ(Get(kPod).code, 200);
  SetStatus("False");
  EXPECT_EQ(Post(std::string(kPod) + "/eviction", R"({"apiVersion": "policy/v1",
                 "kind": "Eviction", "metadata": {"name": "p"}})")
                .code,
            201);
}

TEST_F(EvictionRaceTest, BudgetsAreReadOnceAndFollowed) {
  MakePod("IfHealthyBudget");
  SetStatus("True");
  const auto evict = [&] {
    return Post(std::string(kPod) + "/eviction", R"({"apiVersion": "policy/v1",
                    "kind": "Eviction", "metadata": {"name": "p"}})");
  };
  EXPECT_EQ(evict().code, 429);
  const int lists = between_.budget_lists;
  EXPECT_EQ(evict().code, 429);
  ASSERT_EQ(
      Merge(std::string(kBudgets) + "/b/status", R"({"status": {"disruptionsAllowed": 1}})").code,
      200);
  EXPECT_EQ(evict().code, 201);
  EXPECT_EQ(between_.budget_lists, lists);
}

}  // namespace
}  // namespace skiff
