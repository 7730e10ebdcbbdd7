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

}  // namespace
}  // namespace skiff::cli
