// What plugins that are on by default make of pods, and of what pods name.
#include <gmock/gmock.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using testing::HasSubstr;

constexpr const char* kPodsPath = "/api/v1/namespaces/default/pods";

class PodPluginsTest : public ServerFixture {
 protected:
  void Make(const std::string& path, const std::string& body) {
    const auto made = Post(path, body);
    ASSERT_EQ(made.code, 201) << made.message();
    Settle();
  }
  Answer MakePod(const std::string& spec) {
    return Post(kPodsPath, R"({"metadata": {"name": "p"}, "spec": )" + spec + "}");
  }
};

TEST_F(PodPluginsTest, AResizeTakesTheDefaultsOfItsNamespace) {
  const auto made = MakePod(
      R"({"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]})");
  ASSERT_EQ(made.code, 201) << made.message();
  Make("/api/v1/namespaces/default/limitranges", R"({"metadata": {"name": "l"},
      "spec": {"limits": [{"type": "Container", "default": {"memory": "1Gi"}}]}})");
  const auto resized =
      Ask("PATCH", std::string(kPodsPath) + "/p/resize",
          R"({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}]}})",
          "application/strategic-merge-patch+json");
  ASSERT_EQ(resized.code, 200) << resized.message();
  const Json& resources = resized.body["spec"]["containers"][0]["resources"];
  EXPECT_EQ(resources["requests"]["cpu"], "2");
  EXPECT_EQ(resources["limits"]["memory"], "1Gi");
}

TEST_F(PodPluginsTest, WhatIsWrongWithManyContainersIsSaidOnce) {
  Make("/api/v1/namespaces/default/limitranges", R"({"metadata": {"name": "l"},
      "spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}})");
  const auto refused = MakePod(R"({"containers": [
      {"name": "a", "image": "i", "resources": {"limits": {"cpu": "2"}}},
      {"name": "b", "image": "i", "resources": {"limits": {"cpu": "2"}}}]})");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "pods \"p\" is forbidden: maximum cpu usage per Container is 1, but limit is 2");
}

TEST_F(PodPluginsTest, OfAClaimOnlyWhatItAsksForIsBounded) {
  Make("/api/v1/namespaces/default/limitranges", R"({"metadata": {"name": "l"},
      "spec": {"limits": [{"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"},
                           "maxLimitRequestRatio": {"storage": "1"}}]}})");
  const auto made = Post("/api/v1/namespaces/default/persistentvolumeclaims",
                         R"({"metadata": {"name": "c"}, "spec": {"accessModes":
      ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})");
  EXPECT_EQ(made.code, 201) << made.message();
}

TEST_F(PodPluginsTest, ADefaultPriorityIsRefusedEvenUnderTheNameOfTheOneThatIs) {
  const std::string classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
  const std::string body = R"({"metadata": {"name": "d"}, "value": 5, "globalDefault": true})";
  Make(classes, body);
  const auto again = Post(classes, body);
  EXPECT_EQ(again.code, 403);
  EXPECT_THAT(again.message(), HasSubstr("PriorityClass d is already marked as default"));
  EXPECT_EQ(Merge(classes + "/d", R"({"description": "e"})").code, 200);
}

TEST_F(PodPluginsTest, ARuntimeThatToleratesMoreLeavesNothingToTolerate) {
  Make("/apis/node.k8s.io/v1/runtimeclasses", R"({"metadata": {"name": "r"}, "handler": "h",
      "scheduling": {"tolerations": [{"operator": "Exists"}]}})");
  const auto made = MakePod(R"({"runtimeClassName": "r", "tolerations": [{"key": "a",
      "operator": "Exists"}], "containers": [{"name": "c", "image": "i"}]})");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"]["tolerations"], Json::parse(R"([{"operator": "Exists"}])"));
}

TEST_F(PodPluginsTest, AnAccountIsStrictHoweverGoWritesTrue) {
  const std::string accounts = "/api/v1/namespaces/default/serviceaccounts";
  Make(accounts, R"({"metadata": {"name": "strict",
      "annotations": {"kubernetes.io/enforce-mountable-secrets": "T"}}})");
  const auto refused = MakePod(R"({"serviceAccountName": "strict", "volumes": [{"name": "v",
      "secret": {"secretName": "s"}}], "containers": [{"name": "c", "image": "i"}]})");
  EXPECT_EQ(refused.code, 403);
  EXPECT_THAT(refused.message(), HasSubstr("service account strict does not reference"));
}

}  // namespace
}  // namespace skiff
