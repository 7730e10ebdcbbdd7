#include "e2e/simulation/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <set>

#include "api/gen/discovery_v1.h"

namespace skiff {
namespace {

constexpr char kDeployment[] = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 1}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: "web:1"}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: v1
kind: ReplicationController
metadata: {name: kitten}
spec:
  replicas: 4
  selector: {app: kitten}
  template:
    metadata: {labels: {app: kitten}}
    spec:
      containers: [{name: app, image: "kitten:1"}]
)";

int ReadyPods(Cluster& cluster, const std::string& app, const std::string& image) {
  int ready = 0;
  for (const auto& pod : cluster.List<core_v1::Pod>()) {
    const auto label = pod.metadata.labels.find("app");
    if (label == pod.metadata.labels.end() || label->second != app) continue;
    if (pod.metadata.deletion_timestamp || pod.spec.containers[0].image != image) continue;
    for (const auto& condition : pod.status.conditions) {
      if (condition.type == "Ready" && condition.status == "True") ++ready;
    }
  }
  return ready;
}

// Addresses that the service sends traffic to, and those of pods that are ready, must be the same.
void ExpectEndpointsAreTheReadyPods(Cluster& cluster) {
  std::set<std::string> ready, served;
  for (const auto& pod : cluster.List<core_v1::Pod>()) {
    const auto label = pod.metadata.labels.find("app");
    if (label == pod.metadata.labels.end() || label->second != "web") continue;
    for (const auto& condition : pod.status.conditions) {
      if (condition.type == "Ready" && condition.status == "True") ready.insert(pod.status.pod_ip);
    }
  }
  for (const auto& slice : cluster.List<discovery_v1::EndpointSlice>()) {
    if (!slice.metadata.name.starts_with("web-")) continue;
    for (const auto& endpoint : slice.endpoints) {
      if (endpoint.conditions.ready.value_or(true)) served.insert(endpoint.addresses.at(0));
    }
  }
  EXPECT_EQ(served, ready);
}

void RunSeed(uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Simulation simulation({.seed = seed, .nodes = 3});
  Cluster& cluster = simulation.cluster();
  cluster.Apply(kDeployment);
  simulation.RunWithFaults(1min);
  cluster.Edit<apps_v1::Deployment>(
      {"default", "web"}, [](auto& it) { it.spec.template_.spec.containers[0].image = "web:2"; });
  simulation.RunWithFaults(2min);
  cluster.Edit<core_v1::ReplicationController>({"default", "kitten"},
                                               [](auto& it) { it.spec.replicas = 2; });
  simulation.RunWithFaults(1min);
  simulation.Calm();
  EXPECT_EQ(simulation.Complaints(), std::vector<std::string>{}) << simulation.FaultsText();
  EXPECT_EQ(ReadyPods(cluster, "web", "web:2"), 5) << simulation.FaultsText();
  EXPECT_EQ(ReadyPods(cluster, "web", "web:1"), 0);
  EXPECT_EQ(ReadyPods(cluster, "kitten", "kitten:1"), 2);
  ExpectEndpointsAreTheReadyPods(cluster);
}

// SKIFF_SEEDS=first:count runs others; e2e/simulate.sh runs thousands.
TEST(SimulationTest, ReplicasConvergeAndInvariantsHoldUnderFaults) {
  uint64_t first = 1, count = 5;
  if (const char* seeds = std::getenv("SKIFF_SEEDS")) {
    first = std::strtoull(seeds, nullptr, 10);
    const char* colon = std::strchr(seeds, ':');
    count = colon == nullptr ? 1 : std::strtoull(colon + 1, nullptr, 10);
  }
  for (uint64_t seed = first; seed < first + count && !testing::Test::HasFailure(); ++seed) {
    RunSeed(seed);
  }
}

}  // namespace
}  // namespace skiff
