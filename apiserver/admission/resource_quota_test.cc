// ResourceQuotas on the real server; what the controller would count stands in the status.
#include <gtest/gtest.h>

#include <thread>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class ResourceQuotaTest : public ServerFixture {
 protected:
  static constexpr const char* kQuotas = "/api/v1/namespaces/default/resourcequotas";
  // With nothing used so far.
  void Limit(const std::string& name, const std::string& hard, const std::string& spec = "") {
    const Json limits = Json::parse(hard);
    Json none = limits;
    for (auto& [key, value] : none.items()) value = "0";
    ASSERT_EQ(Post(kQuotas, R"({"metadata": {"name": ")" + name + R"("}, "spec": {"hard": )" +
                                hard + (spec.empty() ? "" : ", " + spec) + "}}")
                  .code,
              201);
    const Json status = {{"status", {{"hard", limits}, {"used", none}}}};
    const auto counted = Merge(std::string(kQuotas) + "/" + name + "/status", status.dump());
    ASSERT_EQ(counted.code, 200) << counted.message();
  }
  Json Used(const std::string& name) {
    return Get(std::string(kQuotas) + "/" + name).body["status"]["used"];
  }
  Answer MakeMap(const std::string& name) {
    return Post("/api/v1/namespaces/default/configmaps", R"({"metadata": {"name": ")" + name +
                                                             R"("}})");
  }
};

TEST_F(ResourceQuotaTest, OfManyWhoComeAtOnceAsManyAsFitGetIn) {
  constexpr int kRoom = 5;
  constexpr int kAskers = 16;
  Limit("q", R"({"count/configmaps": "5"})");
  std::atomic<int> let_in = 0;
  {
    std::vector<std::jthread> askers;
    for (int i = 0; i < kAskers; ++i) {
      askers.emplace_back([&, i] {
        const auto made = MakeMap("m" + std::to_string(i));
        EXPECT_TRUE(made.code == 201 || made.code == 403) << made.message();
        if (made.code == 201) ++let_in;
      });
    }
  }
  EXPECT_EQ(let_in, kRoom);
  EXPECT_EQ(Used("q")["count/configmaps"], "5");
}

TEST_F(ResourceQuotaTest, NoQuotaIsChargedWhenAnotherIsFull) {
  Limit("roomy", R"({"count/configmaps": "10"})");
  Limit("tight", R"({"configmaps": "0"})");
  const auto refused = MakeMap("m");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "configmaps \"m\" is forbidden: exceeded quota: tight, requested: configmaps=1, used: "
            "configmaps=0, limited: configmaps=0");
  EXPECT_EQ(Used("roomy")["count/configmaps"], "0");
}

TEST_F(ResourceQuotaTest, WhatIsNotCountedYetCannotBeJudged) {
  Limit("q", R"({"pods": "5", "requests.cpu": "1", "services": "1"})");
  ASSERT_EQ(
      Merge(std::string(kQuotas) + "/q/status", R"({"status": {"used": {"requests.cpu": null}}})")
          .code,
      200);
  const auto pod = Post("/api/v1/namespaces/default/pods", R"({"metadata": {"name": "p"}, "spec":
      {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1m"}}}]}})");
  EXPECT_EQ(pod.message(),
            "pods \"p\" is forbidden: status unknown for quota: q, resources: pods,requests.cpu");
}

TEST_F(ResourceQuotaTest, WhatOneCannotJudgeIsSaidBeforeAnotherIsFull) {
  Limit("full", R"({"pods": "0"})");
  Limit("strict", R"({"limits.cpu": "1"})");
  const auto pod = Post("/api/v1/namespaces/default/pods", R"({"metadata": {"name": "p"},
      "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  EXPECT_EQ(pod.message(),
            "pods \"p\" is forbidden: failed quota: strict: must specify limits.cpu for: c");
}

TEST_F(ResourceQuotaTest, WhatAClaimWasGivenIsChargedEvenWithoutRoom) {
  Limit("q",
        R"({"requests.storage": "10", "old.storageclass.storage.k8s.io/requests.storage": "10"})");
  const std::string claims = "/api/v1/namespaces/default/persistentvolumeclaims";
  ASSERT_EQ(Post(claims, R"({"metadata": {"name": "c", "annotations":
      {"volume.beta.kubernetes.io/storage-class": "old"}}, "spec": {"accessModes":
      ["ReadWriteOnce"], "resources": {"requests": {"storage": "5"}}}})")
                .code,
            201);
  EXPECT_EQ(Used("q")["old.storageclass.storage.k8s.io/requests.storage"], "5");
  const auto given =
      Merge(claims + "/c/status", R"({"status": {"allocatedResources": {"storage": "20"}}})");
  ASSERT_EQ(given.code, 200) << given.message();
  EXPECT_EQ(Used("q")["requests.storage"], "20");
}

TEST_F(ResourceQuotaTest, WhatAnUpdateFreesTheControllerGivesBack) {
  Limit("q", R"({"services.nodeports": "3"})");
  const std::string services = "/api/v1/namespaces/default/services";
  ASSERT_EQ(Post(services, R"({"metadata": {"name": "s"}, "spec": {"type": "NodePort",
      "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}})")
                .code,
            201);
  EXPECT_EQ(Used("q")["services.nodeports"], "2");
  ASSERT_EQ(Merge(services + "/s", R"({"spec": {"type": "ClusterIP"}})").code, 200);
  EXPECT_EQ(Used("q")["services.nodeports"], "2");
}

TEST_F(ResourceQuotaTest, ClaimsOfDevicesCountTheWorstOfTheirAlternatives) {
  Limit("q", R"({"gpu.deviceclass.resource.k8s.io/devices": "40",
                 "nic.deviceclass.resource.k8s.io/devices": "40"})");
  const auto made = Post("/apis/resource.k8s.io/v1/namespaces/default/resourceclaims",
                         R"({"metadata": {"name": "c"}, "spec": {"devices": {"requests": [
      {"name": "a", "exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount",
                                "count": 2}},
      {"name": "b", "firstAvailable": [
          {"name": "x", "deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 4},
          {"name": "y", "deviceClassName": "nic", "allocationMode": "All"},
          {"name": "z", "deviceClassName": "gpu", "allocationMode": "ExactCount",
           "count": 3}]}]}}})");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(Used("q")["gpu.deviceclass.resource.k8s.io/devices"], "6");
  EXPECT_EQ(Used("q")["nic.deviceclass.resource.k8s.io/devices"], "32");
}

TEST_F(ResourceQuotaTest, ClaimsOfVolumesAreScopedByTheirAttributesClass) {
  Limit("gold", R"({"persistentvolumeclaims": "1"})",
        R"("scopeSelector": {"matchExpressions": [{"scopeName": "VolumeAttributesClass",
           "operator": "In", "values": ["gold"]}]})");
  const auto claim = [&](const std::string& name, const std::string& attributes) {
    return Post("/api/v1/namespaces/default/persistentvolumeclaims",
                R"({"metadata": {"name": ")" + name + R"("}, "spec": {"accessModes":
                   ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, )" +
                    R"("volumeAttributesClassName": ")" + attributes + R"("}})")
        .code;
  };
  EXPECT_EQ(claim("a", "gold"), 201);
  EXPECT_EQ(claim("b", "gold"), 403);
  EXPECT_EQ(claim("c", "silver"), 201);
}

}  // namespace
}  // namespace skiff
