// What Pod Security says of pods that run already, where a namespace comes to ask for more.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/forwarding_store.h"

namespace skiff {
namespace {

constexpr int kRunningPods = 130;

// Knows how many pods were read at a time.
class PodCountingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<ListPage> List(const ListRequest& request) override {
    auto page = ForwardingStore::List(request);
    if (page && request.prefix.starts_with("/registry/pods/")) {
      most_pods = std::max(most_pods, page->records.size());
    }
    return page;
  }

  size_t most_pods = 0;
};

class RunningPodsTest : public ServerFixture {
 protected:
  RunningPodsTest() { UseStore(counted_); }
  ~RunningPodsTest() override { UseStore(*store_); }

  void Run(const std::string& name, const std::string& controller) {
    const std::string owner = R"({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r",
                                  "controller": true, "uid": ")" +
                              controller + R"("})";
    // Large, so that few are a page.
    const std::string text =
        R"({"metadata": {"name": ")" + name + R"(", "annotations": {"a": ")" +
        std::string(20'000, 'x') + R"("}, "ownerReferences": [)" +
        (controller.empty() ? "" : owner) +
        R"(]}, "spec": {"hostNetwork": true, "containers": [{"name": "c", "image": "i"}]}})";
    const auto made = Post("/api/v1/namespaces/default/pods", text);
    ASSERT_EQ(made.code, 201) << made.message();
  }

  PodCountingStore counted_{*store_};
};

TEST_F(RunningPodsTest, AreAllLookedAtAndNeverAllHeld) {
  for (int i = 0; i < kRunningPods; ++i) {
    const std::string number = std::to_string(1000 + i);
    ASSERT_NO_FATAL_FAILURE(Run("p" + number, i % 3 == 0 ? "" : "u" + std::to_string(i % 3)));
  }
  counted_.most_pods = 0;
  const auto asked = Merge("/api/v1/namespaces/default", R"({"metadata": {"labels": {
                               "pod-security.kubernetes.io/enforce": "baseline"}}})");
  ASSERT_EQ(asked.code, 200) << asked.message();
  std::vector<std::string> warnings;
  for (const auto& [name, value] : asked.response.headers) {
    if (name == "Warning") warnings.push_back(value);
  }
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(warnings[0].find("violate the new PodSecurity enforce level"), std::string::npos)
      << warnings[0];
  EXPECT_NE(warnings[1].find("p1000 (and 129 other pods): host namespaces"), std::string::npos)
      << warnings[1];
  EXPECT_GT(counted_.most_pods, 0u);
  EXPECT_LT(counted_.most_pods, static_cast<size_t>(kRunningPods));
}

}  // namespace
}  // namespace skiff
