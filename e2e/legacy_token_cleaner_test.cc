// Tokens in Secrets that nobody uses, on the real server.
#include <gtest/gtest.h>

#include "e2e/harness.h"

namespace skiff {
namespace {

using core_v1::Secret;

class LegacyTokenCleanerTest : public testing::Test {
 protected:
  LegacyTokenCleanerTest() {
    cluster_.Apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n"
                   "secrets: [{name: robot-token-x}]\n");
    for (const char* name : {"robot-token-x", "by-hand"}) {
      cluster_.Apply("apiVersion: v1\nkind: Secret\nmetadata: {name: " + std::string(name) +
                     ", annotations: {kubernetes.io/service-account.name: robot}}\n"
                     "type: kubernetes.io/service-account-token\n");
    }
    cluster_.RunFor(1min);
  }
  void Pass(Duration time) {
    cluster_.clock().Advance(time);
    cluster_.RunFor(1min);
  }
  Ptr<Secret> Find(const std::string& name) { return cluster_.Get<Secret>({"default", name}); }
  TestCluster cluster_;
};

TEST_F(LegacyTokenCleanerTest, OneIsMarkedAfterAYearAndGoesAfterAnother) {
  constexpr const char* kInvalidSince = "kubernetes.io/legacy-token-invalid-since";
  ASSERT_NE(Find("robot-token-x"), nullptr);
  Pass(24h * 300);
  EXPECT_FALSE(Find("robot-token-x")->metadata.labels.contains(kInvalidSince));
  Pass(24h * 67);
  ASSERT_NE(Find("robot-token-x"), nullptr);
  EXPECT_EQ(Find("robot-token-x")->metadata.labels.at(kInvalidSince),
            Time(cluster_.clock().Now()).Rfc3339().substr(0, 10));
  Pass(24h * 367);
  EXPECT_EQ(Find("robot-token-x"), nullptr);
  ASSERT_NE(Find("by-hand"), nullptr);
  EXPECT_FALSE(Find("by-hand")->metadata.labels.contains(kInvalidSince)) << "somebody asked for it";
}

}  // namespace
}  // namespace skiff
