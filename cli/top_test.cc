#include <gmock/gmock.h>

#include "api/values.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class TopTest : public ProgramTest {
 protected:
  // What `top pods` says where no metrics are there, and the pod was made that long ago.
  std::string SaidOfPods(const std::vector<Duration>& ages) {
    Json pods = Json::array();
    for (const Duration age : ages) {
      pods.push_back({{"metadata",
                       {{"name", "web"},
                        {"namespace", "default"},
                        {"creationTimestamp", Time(clock_.Now() - age).Rfc3339()}}}});
    }
    server_ =
        ServerOf("metrics.k8s.io", {{"pods", "PodMetrics"}},
                 {{"/apis/metrics.k8s.io/v1beta1/namespaces/default/pods", R"({"items": []})"},
                  {"/api/v1/namespaces/default/pods", Json{{"items", pods}}.dump()}});
    code_ = Run("top", {"pods"});
    return err_;
  }
  int code_ = 0;
};

TEST_F(TopTest, PodsWithoutMetricsAreNotNoPods) {
  EXPECT_EQ(SaidOfPods({}), "No resources found in default namespace.\n");
  EXPECT_EQ(code_, 0);
  EXPECT_EQ(SaidOfPods({10s}), "error: metrics not available yet\n");
  EXPECT_EQ(code_, 1);
  EXPECT_THAT(SaidOfPods({10s, 1h}),
              testing::StartsWith("error: Metrics not available for pod default/web, age: 1h0m"));
  EXPECT_EQ(code_, 1);
}

TEST_F(TopTest, WhoAsksFirstHearsWhenToAskAgain) {
  program_ = "skiff";
  const std::string again =
      "\nA cluster of skiff is measured from the first question on: ask again in 15s\n";
  EXPECT_EQ(SaidOfPods({10s}), "error: metrics not available yet" + again);
  EXPECT_THAT(SaidOfPods({1h}), testing::EndsWith(again));
}

Json Usage(const char* cpu, const char* memory) {
  return {{"cpu", cpu}, {"memory", memory}};
}

TEST_F(TopTest, NodesThatNobodyMeasuresAreThereAllTheSame) {
  const auto node = [](const char* name) {
    return Json{{"metadata", {{"name", name}}}, {"status", {{"allocatable", Usage("2", "1Gi")}}}};
  };
  const Json nodes = {{"items", {node("b"), node("a"), node("c")}}};
  const Json metrics = {
      {"items", Json::array({{{"metadata", {{"name", "b"}}}, {"usage", Usage("500m", "512Mi")}}})}};
  const auto answer = ServerOf(
      "metrics.k8s.io", {{"nodes", "NodeMetrics"}},
      {{"/apis/metrics.k8s.io/v1beta1/nodes", metrics.dump()}, {"/api/v1/nodes", nodes.dump()}});
  int asked = 0;
  server_ = [&](const http::Request& request) {
    if (request.path.starts_with("/api/v1/nodes")) ++asked;
    if (request.path != "/api/v1") return answer(request);
    http::Response response;
    response.body =
        R"({"resources": [{"name": "nodes", "kind": "Node", "verbs": ["get", "list"]}]})";
    return response;
  };
  EXPECT_EQ(Run("top", {"nodes"}), 0) << err_;
  EXPECT_EQ(out_,
            "NAME   CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)   \n"
            "b      500m         25%         512Mi           50%         \n"
            "a      <unknown>    <unknown>   <unknown>       <unknown>   \n"
            "c      <unknown>    <unknown>   <unknown>       <unknown>   \n");
  EXPECT_EQ(asked, 1) << "all of them at once";
}

TEST_F(TopTest, SelectorsAreReadBeforeAnythingIsAskedFor) {
  EXPECT_EQ(Run("top", {"pod", "--field-selector=x"}), 1);
  EXPECT_EQ(err_, "error: invalid selector: 'x'; can't understand 'x'\n");
}

TEST_F(TopTest, ContainersStayWithTheirPod) {
  const auto pod = [](const char* name, const char* first, const char* second) {
    return Json{{"metadata", {{"name", name}, {"namespace", "default"}}},
                {"containers",
                 {{{"name", "x"}, {"usage", Usage(first, "1Mi")}},
                  {{"name", "y"}, {"usage", Usage(second, "1Mi")}}}}};
  };
  const Json list = {{"items", {pod("a", "10m", "40m"), pod("b", "30m", "35m")}}};
  server_ = ServerOf("metrics.k8s.io", {{"pods", "PodMetrics"}},
                     {{"/apis/metrics.k8s.io/v1beta1/namespaces/default/pods", list.dump()}});
  EXPECT_EQ(Run("top", {"pods", "--containers", "--sort-by=cpu", "--no-headers"}), 0) << err_;
  EXPECT_EQ(out_,
            "b     y     35m   1Mi   \n"
            "b     x     30m   1Mi   \n"
            "a     y     40m   1Mi   \n"
            "a     x     10m   1Mi   \n");
}

TEST_F(TopTest, ASumStandsWhereKubectlHasIt) {
  const Json list = {
      {"items", Json::array({{{"metadata", {{"name", "a"}, {"namespace", "default"}}},
                              {"containers",
                               Json::array({{{"name", "x"}, {"usage", Usage("10m", "1Mi")}}})}}})}};
  server_ = ServerOf("metrics.k8s.io", {{"pods", "PodMetrics"}},
                     {{"/apis/metrics.k8s.io/v1beta1/namespaces/default/pods", list.dump()}});
  EXPECT_EQ(Run("top", {"pods", "--sum", "--show-swap"}), 0) << err_;
  EXPECT_EQ(out_,
            "NAME   CPU(cores)   MEMORY(bytes)   SWAP(bytes)   \n"
            "a      10m          1Mi             0Mi           \n"
            "                    ________        ________      \n"
            "                    10m             1Mi           0Mi   \n");
  EXPECT_EQ(Run("top", {"pods", "--sum", "--containers", "--no-headers"}), 0) << err_;
  EXPECT_EQ(out_,
            "a     x          10m        1Mi   \n"
            "      ________   ________   \n"
            "      10m        1Mi        \n");
}

}  // namespace
}  // namespace skiff::cli
