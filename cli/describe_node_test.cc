#include <gmock/gmock.h>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class DescribeNodeTest : public ProgramTest {
 protected:
  // What is said of a node with these pods, however wide its columns are.
  std::string SaidOf(const std::string& pods, int status = 200) {
    const auto answers = ServerOf("", {},
                                  {{"/api/v1/nodes/n", R"({"kind": "Node", "metadata":
        {"name": "n"}, "status": {"capacity": {}, "allocatable": {"cpu": "1", "memory": "1G",
        "hugepages-2Mi": "8Mi", "nvidia.com/gpu": "4", "pods": "110"}}})"},
                                   {"/api/v1/pods", R"({"items": [)" + pods + "]}"}});
    server_ = [=](const http::Request& request) {
      http::Response response = answers(request);
      if (request.path == "/api/v1/pods") response.status = status;
      return response;
    };
    EXPECT_EQ(Run("describe", {"node", "n", "--show-events=false"}), 0) << err_;
    std::string said;
    for (const char c : out_) {
      if (c != ' ' || !said.ends_with(' ')) said += c;
    }
    return said;
  }
};

TEST_F(DescribeNodeTest, AllThatPodsTakeOfANodeIsSummedUp) {
  const std::string said = SaidOf(R"({"metadata": {"name": "p", "namespace": "default"}, "spec": {
      "overhead": {"cpu": "50m", "memory": "1M"},
      "initContainers": [
          {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "10m"}}},
          {"name": "i", "resources": {"requests": {"cpu": "200m"}}}],
      "containers": [{"name": "c", "resources": {
          "requests": {"cpu": "100m", "memory": "100M", "hugepages-2Mi": "4Mi",
                       "nvidia.com/gpu": "1"},
          "limits": {"memory": "200M", "hugepages-2Mi": "4Mi", "nvidia.com/gpu": "1"}}}]}})");
  EXPECT_THAT(said, HasSubstr("\n default p 260m (26%) 0 (0%) 101M (10%) 201M (20%) <unknown>\n"));
  EXPECT_THAT(said, HasSubstr("\n cpu 260m (26%) 0 (0%)\n memory 101M (10%) 201M (20%)\n"
                              " ephemeral-storage 0 (0%) 0 (0%)\n"
                              " hugepages-2Mi 4Mi (50%) 4Mi (50%)\n nvidia.com/gpu 1 1\n"));
  EXPECT_THAT(said, Not(HasSubstr("\nCapacity:")));
}

TEST_F(DescribeNodeTest, APodThatIsResizedTakesTheMostOfItsSizes) {
  const auto requests = [](const std::string& conditions) {
    return R"({"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [{"name":
        "c", "resources": {"requests": {"cpu": "300m"}}}]}, "status": {"conditions": [)" +
           conditions +
           R"(], "containerStatuses": [{"name": "c", "allocatedResources": {"cpu": "200m"},
               "resources": {"requests": {"cpu": "100m"}}}]}})";
  };
  EXPECT_THAT(SaidOf(requests("")), HasSubstr("\n cpu 300m (30%)"));
  EXPECT_THAT(SaidOf(requests(R"({"type": "PodResizePending", "reason": "Infeasible"})")),
              HasSubstr("\n cpu 200m (20%)"));
}

TEST_F(DescribeNodeTest, WhoMaySeeNoPodsIsTold) {
  EXPECT_THAT(SaidOf("", 403), HasSubstr("Pods: not authorized\n"));
}

}  // namespace
}  // namespace skiff::cli
