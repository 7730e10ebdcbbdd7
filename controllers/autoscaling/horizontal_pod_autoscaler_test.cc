// What autoscalers ask of the server; what they make of it is tested with a whole one.
#include <gtest/gtest.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

constexpr char kScaler[] = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/a";

class AutoscalerRequestsTest : public ListingServerTest {
 protected:
  // Farms have three replicas at least. The server has one, which has a single one, at `path`.
  void Begin(bool are_namespaced, const std::string& path) {
    answers_["/apis"] = {
        200, {{"groups", {{{"preferredVersion", {{"groupVersion", "example.com/v1"}}}}}}}};
    answers_["/apis/example.com/v1"] = {
        200,
        {{"resources", {{{"name", "farms"}, {"kind", "Farm"}, {"namespaced", are_namespaced}}}}}};
    Json metadata = {{"name", "f"}, {"uid", "f"}, {"resourceVersion", "1"}};
    if (are_namespaced) metadata["namespace"] = "default";
    answers_[path] = {200,
                      {{"metadata", metadata},
                       {"spec", {{"replicas", 1}}},
                       {"status", {{"replicas", 1}, {"selector", "app=f"}}}}};
    Put("/apis/autoscaling/v2/horizontalpodautoscalers", kScaler,
        {{"spec",
          {{"scaleTargetRef", {{"apiVersion", "example.com/v1"}, {"kind", "Farm"}, {"name", "f"}}},
           {"minReplicas", 3},
           {"maxReplicas", 5}}}});
    AddHorizontalPodAutoscaler(manager_, {});
    Run(1s);
  }
  bool HasWritten(const std::string& what) {
    return std::find(written().begin(), written().end(), what) != written().end();
  }
};

TEST_F(AutoscalerRequestsTest, TheTargetIsInTheirNamespace) {
  const std::string scale = "/apis/example.com/v1/namespaces/default/farms/f/scale";
  Begin(/*are_namespaced=*/true, scale);
  EXPECT_TRUE(HasWritten("PUT " + scale));
}

// The controller may scale everything, and who makes an autoscaler nothing out of his namespace.
TEST_F(AutoscalerRequestsTest, WhatIsInNoNamespaceIsNotScaled) {
  const std::string scale = "/apis/example.com/v1/farms/f/scale";
  Begin(/*are_namespaced=*/false, scale);
  EXPECT_FALSE(HasWritten("PUT " + scale));
  ASSERT_FALSE(messages().empty());
  EXPECT_EQ(told()[0], "FailedGetScale");
  EXPECT_EQ(messages()[0], "the server could not find the requested resource (get farms f)");
}

}  // namespace
}  // namespace skiff
