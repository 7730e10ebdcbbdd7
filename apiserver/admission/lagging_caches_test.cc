// What other servers of the same store have just made, of which this one has not heard yet.
#include <gtest/gtest.h>

#include <string>

#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/forwarding_store.h"

namespace skiff {
namespace {

// Hears of nothing any more, and reads and writes as ever.
class LaggingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Revision Current() override { return heard.value == 0 ? ForwardingStore::Current() : heard; }
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    if (key.starts_with("/registry/minions/")) ++node_reads;
    if (away && key.starts_with("/registry/namespaces/")) {
      return Fail(Error{.message = "etcdserver: request timed out", .http_code = 500});
    }
    return ForwardingStore::Get(key, at);
  }

  Revision heard;
  bool away = false;
  int node_reads = 0;
};

class LaggingCachesTest : public ServerFixture {
 protected:
  LaggingCachesTest() {
    UseStore(lagging_);
    const std::string maps = "/api/v1/namespaces/default/configmaps";
    lagging_.heard = store_->Current();
    // Whose namespace is looked up: the cache has come so far.
    EXPECT_EQ(Post(maps, R"({"metadata": {"name": "c"}})").code, 201);
    EXPECT_EQ(Post("/api/v1/namespaces", R"({"metadata": {"name": "late", "labels": {
                      "pod-security.kubernetes.io/enforce": "baseline"}}})")
                  .code,
              201);
  }
  ~LaggingCachesTest() override { UseStore(*store_); }

  Answer Run(const std::string& name, const std::string& more) {
    return Post("/api/v1/namespaces/late/pods",
                R"({"metadata": {"name": ")" + name + R"("}, "spec": {)" + more +
                    R"("containers": [{"name": "c", "image": "i"}]}})");
  }

  LaggingStore lagging_{*store_};
};

TEST_F(LaggingCachesTest, ANamespaceThatAnotherServerHasJustMadeIsThere) {
  const auto made = Post("/api/v1/namespaces/late/configmaps", R"({"metadata": {"name": "c"}})");
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(Post("/api/v1/namespaces/none/configmaps", R"({"metadata": {"name": "c"}})").message(),
            "namespaces \"none\" not found");
}

TEST_F(LaggingCachesTest, AndItsPodsKeepItsStandard) {
  ASSERT_EQ(
      Post("/api/v1/namespaces/late/serviceaccounts", R"({"metadata": {"name": "default"}})").code,
      201);
  const auto made = Run("good", "");
  EXPECT_EQ(made.code, 201) << made.message();
  const auto refused = Run("bad", R"("hostNetwork": true, )");
  EXPECT_EQ(refused.code, 403);
  EXPECT_NE(refused.message().find("violates PodSecurity"), std::string::npos) << refused.message();
}

class LaggingNodesTest : public LaggingCachesTest {
 protected:
  void MakeNode(const std::string& name) {
    const auto made = Post("/api/v1/nodes", R"({"metadata": {"name": ")" + name +
                                                R"(", "labels": {"topology.kubernetes.io/zone": "z",
                                                                 "other": "x"}}})");
    EXPECT_EQ(made.code, 201) << made.message();
  }
  Json LabelsOfBound(const std::string& pod, const std::string& node) {
    const std::string pods = "/api/v1/namespaces/default/pods";
    EXPECT_EQ(Post(pods, R"({"metadata": {"name": ")" + pod +
                             R"("}, "spec": {"containers": [{"name": "c", "image": "i"}]}})")
                  .code,
              201);
    lagging_.node_reads = 0;
    EXPECT_EQ(Post(pods + "/" + pod + "/binding", R"({"metadata": {"name": ")" + pod +
                                                      R"("}, "target": {"kind": "Node",
                                                         "name": ")" +
                                                      node + R"("}})")
                  .code,
              201);
    return Get(pods + "/" + pod).body["metadata"].value("labels", Json::object());
  }
};

TEST_F(LaggingNodesTest, ABoundPodHasTheZoneOfANodeThatAnotherServerHasJustMade) {
  MakeNode("late-node");
  EXPECT_EQ(LabelsOfBound("a", "late-node"), (Json{{"topology.kubernetes.io/zone", "z"}}));
  EXPECT_EQ(LabelsOfBound("b", "none"), Json::object());
}

TEST_F(LaggingNodesTest, NoNodeIsReadForEachPodThatIsBound) {
  lagging_.heard = {};
  MakeNode("n");
  EXPECT_EQ(LabelsOfBound("a", "n"), (Json{{"topology.kubernetes.io/zone", "z"}}));
  EXPECT_EQ(lagging_.node_reads, 0);
  ASSERT_EQ(
      Merge("/api/v1/nodes/n", R"({"metadata": {"labels": {"topology.kubernetes.io/zone": "y"}}})")
          .code,
      200);
  EXPECT_EQ(LabelsOfBound("b", "n"), (Json{{"topology.kubernetes.io/zone", "y"}}));
  EXPECT_EQ(lagging_.node_reads, 0);
}

TEST_F(LaggingCachesTest, OneOfWhichTheStoreCannotTellIsNotMissing) {
  lagging_.away = true;
  EXPECT_EQ(Post("/api/v1/namespaces/late/configmaps", R"({"metadata": {"name": "c"}})").code, 500);
}

}  // namespace
}  // namespace skiff
