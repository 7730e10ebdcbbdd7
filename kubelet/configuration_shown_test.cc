#include <gtest/gtest.h>

#include "kubelet/configuration.h"

namespace skiff::kubelet {
namespace {

TEST(ShownConfiguration, TellsWhatIsInForce) {
  KubeletConfiguration given;
  given.max_pods = 7;
  given.cluster_dns = {"10.96.0.10"};
  const Json shown = ShownConfiguration(given)["kubeletconfig"];
  EXPECT_EQ(shown["maxPods"], 7);
  EXPECT_EQ(shown["clusterDNS"], Json::array({"10.96.0.10"}));
  EXPECT_EQ(shown["authentication"]["anonymous"]["enabled"], false);
  EXPECT_EQ(shown["authorization"]["mode"], "Webhook");
  EXPECT_EQ(shown["nodeStatusReportFrequency"], "5m0s");
  EXPECT_EQ(shown["evictionHard"]["nodefs.available"], "10%");
  EXPECT_FALSE(shown.contains("evictionSoft"));
  given.eviction_hard = KubeletConfiguration::TextMap{{"memory.available", "1Mi"}};
  given.takes_tokens = false;
  const Json other = ShownConfiguration(given)["kubeletconfig"];
  EXPECT_EQ(other["evictionHard"], (Json{{"memory.available", "1Mi"}}));
  EXPECT_EQ(other["authentication"]["webhook"]["enabled"], false);
}

}  // namespace
}  // namespace skiff::kubelet
