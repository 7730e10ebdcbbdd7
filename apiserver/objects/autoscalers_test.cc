// HorizontalPodAutoscalers of both versions.
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class AutoscalersTest : public ServerFixture {
 protected:
  static constexpr const char* kV1 =
      "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
  static constexpr const char* kV2 =
      "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";

  static std::string Scaler(const std::string& spec, const std::string& metadata = "") {
    return R"({"metadata": {"name": "h")" + metadata + R"(}, "spec": {"maxReplicas": 3,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"})" +
           spec + "}}";
  }
};

TEST_F(AutoscalersTest, OneOfV1IsKeptWithTheDefaultsOfV2) {
  const std::string behavior =
      R"(, "annotations": {"autoscaling.alpha.kubernetes.io/behavior": "{\"ScaleUp\":)"
      R"({\"Policies\":[{\"Type\":\"Pods\",\"Value\":4,\"PeriodSeconds\":15}]}}"})";
  const Json dry = Post(std::string(kV1) + "?dryRun=All", Scaler("", behavior)).body;
  const Json made = Post(kV1, Scaler("", behavior)).body;
  const std::string text =
      made["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/behavior"];
  EXPECT_NE(text.find(R"("ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max")"),
            std::string::npos)
      << text;
  EXPECT_EQ(dry["metadata"]["annotations"], made["metadata"]["annotations"]);
  const Json read = Get(std::string(kV2) + "/h").body;
  EXPECT_EQ(read["spec"]["behavior"]["scaleDown"]["policies"][0]["type"], "Percent");
  EXPECT_EQ(read["status"], Json({{"desiredReplicas", 0}, {"currentMetrics", nullptr}}));
}

TEST_F(AutoscalersTest, TablesOfV1ShowWhatThoseOfV2Do) {
  Post(kV2, Scaler(R"(, "metrics": [{"type": "Resource", "resource": {"name": "memory",
      "target": {"type": "AverageValue", "averageValue": "5M"}}}])"));
  const auto table = [&](const std::string& query) {
    return Ask({.path = kV1 + query, .accept = "application/json;as=Table;g=meta.k8s.io;v=v1"})
        .body["rows"][0];
  };
  const Json row = table("");
  EXPECT_EQ(row["cells"][2], "memory: <unknown>/5M");
  EXPECT_FALSE(row["object"]["metadata"].contains("annotations"));
  const Json whole = table("?includeObject=Object");
  EXPECT_EQ(whole["cells"], row["cells"]);
  EXPECT_EQ(whole["object"]["apiVersion"], "autoscaling/v1");
  EXPECT_TRUE(whole["object"]["metadata"].contains("annotations"));
}

TEST_F(AutoscalersTest, AnEmptyListOfPoliciesIsAMistake) {
  const auto answer = Post(kV2, Scaler(R"(, "behavior": {"scaleUp": {"policies": []}})"));
  EXPECT_EQ(answer.code, 422);
  EXPECT_EQ(answer.body["details"]["causes"][0]["field"], "spec.behavior.scaleUp.policies");
  EXPECT_EQ(Post(kV2, Scaler(R"(, "behavior": {"scaleUp": {"policies": null}})")).code, 201);
}

}  // namespace
}  // namespace skiff
