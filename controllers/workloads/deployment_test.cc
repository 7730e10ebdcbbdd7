#include <gtest/gtest.h>

#include <algorithm>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

class DeploymentTest : public ListingServerTest {
 protected:
  static constexpr const char* kSets = "/apis/apps/v1/namespaces/default/replicasets";
  DeploymentTest() {
    Put("/apis/apps/v1/deployments", "/apis/apps/v1/namespaces/default/deployments/web",
        {{"spec",
          {{"replicas", 1},
           {"selector", {{"matchLabels", {{"app", "a"}}}}},
           {"strategy", {{"type", "RollingUpdate"}}},
           {"template",
            {{"metadata", {{"labels", {{"app", "a"}}}}},
             {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}}}}}}});
    refused_.insert(std::string("POST ") + kSets);
    AddDeploymentController(manager_);
  }
  auto Tries() const {
    return std::count(written().begin(), written().end(), std::string("POST ") + kSets);
  }
};

TEST_F(DeploymentTest, WhatIsRefusedAgainAndAgainIsLeftUntilSomethingChanges) {
  refusal_ = 403;
  Run(1h);
  EXPECT_EQ(Tries(), 16);
}

TEST_F(DeploymentTest, AServerThatIsAwayIsTriedForAsLongAsThatTakes) {
  Run(1h);
  EXPECT_GT(Tries(), 16);
}

}  // namespace
}  // namespace skiff
