#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

constexpr char kShopPods[] = "/api/v1/namespaces/default/pods/";

class DisruptionTest : public ListingServerTest {
 protected:
  DisruptionTest() { AddDisruptionController(manager_); }

  void PutPod(const std::string& name, const Json& owner, const Json& condition = {}) {
    Json pod = {{"metadata", {{"labels", {{"app", "a"}}}, {"generation", 3}}},
                {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}},
                {"status", {{"phase", "Running"}}}};
    if (!owner.is_null()) pod["metadata"]["ownerReferences"] = {owner};
    if (!condition.is_null()) pod["status"]["conditions"] = {condition};
    Put("/api/v1/pods", kShopPods + name, std::move(pod));
  }
  static Json OwnerOf(const std::string& version, const std::string& kind) {
    return {
        {"apiVersion", version}, {"kind", kind}, {"name", "o"}, {"uid", "u"}, {"controller", true}};
  }
  // What there is of the pod p from now on.
  void ChangePod(const std::string& version, const Json& annotations, const std::string& ready) {
    const Json pod = {
        {"metadata",
         {{"name", "p"},
          {"namespace", "default"},
          {"uid", "p"},
          {"resourceVersion", version},
          {"labels", {{"app", "a"}}},
          {"annotations", annotations}}},
        {"status",
         {{"phase", "Running"}, {"conditions", {{{"type", "Ready"}, {"status", ready}}}}}}};
    manager_.informer<core_v1::Pod>().cache().Apply(
        {.type = WatchEvent::Type::kModified, .object = RawJson(pod)});
  }
  int64_t Looks() const {
    return std::ranges::count_if(written(), [](const std::string& write) {
      return write.starts_with("PATCH /apis/policy/v1/");
    });
  }
  // What is first written at that path; null when nothing is.
  Json Written(const std::string& path) {
    const auto found = std::find(written().begin(), written().end(), "PATCH " + path);
    if (found == written().end()) return {};
    return Json::parse(bodies()[static_cast<size_t>(found - written().begin())]);
  }
  Json BudgetStatus() {
    const std::string path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b";
    Put("/apis/policy/v1/poddisruptionbudgets", path,
        {{"metadata", {{"generation", 1}}},
         {"spec", {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app", "a"}}}}}}}});
    Run(1s);
    return Written(path + "/status")["status"];
  }
};

TEST_F(DisruptionTest, AnyKindWithAScaleSaysHowManyPodsThereAreToBe) {
  PutPod("p", OwnerOf("apps/v1", "ReplicaSet"));
  answers_["/apis/apps/v1/namespaces/default/replicasets/o/scale"] = {
      200, {{"metadata", {{"uid", "u"}}}, {"spec", {{"replicas", 4}}}}};
  const Json status = BudgetStatus();
  EXPECT_EQ(status["expectedPods"], 4);
  EXPECT_EQ(status["desiredHealthy"], 3);
}

TEST_F(DisruptionTest, AKindWithoutAScaleIsNamed) {
  PutPod("p", OwnerOf("apps/v1", "DaemonSet"));
  answers_["/apis/apps/v1/namespaces/default/daemonsets/o/scale"] = {
      404, {{"kind", "Status"}, {"reason", "NotFound"}}};
  answers_["/apis/apps/v1"] = {200, {{"resources", {{{"name", "daemonsets"}}}}}};
  EXPECT_EQ(BudgetStatus()["conditions"][0]["message"],
            "daemonsets.apps does not implement the scale subresource");
}

TEST_F(DisruptionTest, AnOwnerThatIsGoneIsNone) {
  PutPod("p", OwnerOf("apps/v1", "ReplicaSet"));
  answers_["/apis/apps/v1/namespaces/default/replicasets/o/scale"] = {
      200, {{"metadata", {{"uid", "another"}}}, {"spec", {{"replicas", 4}}}}};
  EXPECT_EQ(BudgetStatus()["conditions"][0]["message"], "found no controllers for pod \"p\"");
}

TEST_F(DisruptionTest, AnOwnerInNoNamespaceIsNotAskedForItsScale) {
  answers_["/apis"] = {
      200, {{"groups", {{{"preferredVersion", {{"groupVersion", "example.com/v1"}}}}}}}};
  answers_["/apis/example.com/v1"] = {
      200,
      {{"resources",
        {{{"name", "farms"}, {"kind", "Farm"}, {"namespaced", false}},
         {{"name", "farms/scale"}, {"kind", "Scale"}, {"namespaced", false}}}}}};
  answers_["/apis/example.com/v1/farms/o/scale"] = {
      200, {{"metadata", {{"uid", "u"}}}, {"spec", {{"replicas", 4}}}}};
  PutPod("p", OwnerOf("example.com/v1", "Farm"));
  EXPECT_EQ(BudgetStatus()["conditions"][0]["message"], "found no controllers for pod \"p\"");
}

// The server keeps nothing, so that a budget writes its status each time it is looked at.
TEST_F(DisruptionTest, WhatNoBudgetCountsWakesNone) {
  PutPod("p", {});
  for (const char* name : {"a", "b"}) {
    Put("/apis/policy/v1/poddisruptionbudgets",
        std::string("/apis/policy/v1/namespaces/default/poddisruptionbudgets/") + name,
        {{"spec", {{"minAvailable", 1}, {"selector", {{"matchLabels", {{"app", "a"}}}}}}}});
  }
  Run(1s);
  ChangePod("2", Json::object(), "True");
  Run(1s);
  const int64_t looks = Looks();
  ChangePod("3", {{"a", "b"}}, "True");
  Run(1s);
  EXPECT_EQ(Looks(), looks);
  ChangePod("4", {{"a", "b"}}, "False");
  Run(1s);
  EXPECT_EQ(Looks(), looks + 2);
}

TEST_F(DisruptionTest, ManyBudgetsOfOnePodAreLookedAtByTurns) {
  PutPod("p", {});
  for (int i = 0; i < 40; ++i) {
    Put("/apis/policy/v1/poddisruptionbudgets",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b-" + std::to_string(i),
        {{"spec", {{"minAvailable", 1}, {"selector", {{"matchLabels", {{"app", "a"}}}}}}}});
  }
  Run(5s);
  const int64_t looks = Looks();
  int version = 1;
  const auto change = [&] {
    ++version;
    ChangePod(std::to_string(version), Json::object(), version % 2 == 0 ? "True" : "False");
    Run(10ms);
  };
  change();
  EXPECT_EQ(Looks(), looks + 4);
  while (version < 41) change();
  EXPECT_EQ(Looks(), looks + 160) << "none of the others has had its turn";
  Run(5s);
  EXPECT_EQ(Looks(), looks + 200);
}

TEST_F(DisruptionTest, WhatWasSaidOfPodsThatStayIsTakenBack) {
  const auto said = [&](const std::string& reason) {
    return Json{{"type", "DisruptionTarget"},
                {"status", "True"},
                {"reason", reason},
                {"message", "m"},
                {"lastTransitionTime", Time(clock_.Now()).Rfc3339()}};
  };
  PutPod("stays", {}, said("EvictionByEvictionAPI"));
  PutPod("ends", {}, said("TerminationByKubelet"));
  const auto path = [](const std::string& name) { return kShopPods + name + "/status"; };
  Run(119s);
  EXPECT_TRUE(Written(path("stays")).is_null());
  Run(2s);
  const Json condition = Written(path("stays"))["status"]["conditions"][0];
  EXPECT_EQ(condition["status"], "False");
  EXPECT_EQ(condition["observedGeneration"], 3);
  EXPECT_EQ(condition.value("reason", "") + condition.value("message", ""), "");
  EXPECT_TRUE(Written(path("ends")).is_null());
}

}  // namespace
}  // namespace skiff
