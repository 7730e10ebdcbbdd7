#include "kubelet/simulation/simulated_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::kubelet {
namespace {

using testing::HasSubstr;

constexpr TimePoint kStart{1'800'000'000s};

SimulatedContainer Container(const std::string& pod_name, const std::string& cpu,
                             TimePoint started_at) {
  auto pod = std::make_shared<core_v1::Pod>();
  pod->metadata.name = pod_name;
  pod->metadata.namespace_ = "default";
  pod->metadata.uid = "uid-" + pod_name;
  pod->metadata.annotations["simulation.skiff.io/cpu-usage"] = cpu;
  pod->spec.containers.emplace_back().name = "main";
  return {std::move(pod), "main", started_at};
}

// Who sees the counter fall takes the machine for one that was started anew, and says nothing of
// it until it was seen twice.
TEST(SimulatedMetrics, ANodesTimeOfProcessorsNeverFalls) {
  const SimulatedContainer long_lived = Container("a", "2", kStart);
  const SimulatedContainer short_lived = Container("b", "1", kStart + 10s);
  SimulatedNodeUse node;
  EXPECT_DOUBLE_EQ(node.CoreSeconds({long_lived, short_lived}, kStart + 100s), 200 + 90);
  EXPECT_DOUBLE_EQ(node.CoreSeconds({short_lived}, kStart + 110s), 290 + 10);
  EXPECT_DOUBLE_EQ(node.CoreSeconds({}, kStart + 120s), 300);
  // What comes counts from its start on.
  EXPECT_DOUBLE_EQ(node.CoreSeconds({Container("c", "4", kStart + 125s)}, kStart + 130s), 320);
  // Somebody whose clock was read before is told the same.
  EXPECT_DOUBLE_EQ(node.CoreSeconds({Container("c", "4", kStart + 125s)}, kStart + 129s), 320);
  EXPECT_DOUBLE_EQ(node.CoreSeconds({Container("c", "4", kStart + 125s)}, kStart + 131s), 324);
}

TEST(SimulatedMetrics, OfContainersAndPodsWhatRunsIsShown) {
  const std::vector<SimulatedContainer> running = {Container("a", "2", kStart)};
  SimulatedNodeUse node;
  const TimePoint now = kStart + 50s;
  const std::string text = ResourceMetrics(running, now, node.CoreSeconds(running, now) + 7);
  EXPECT_THAT(text, HasSubstr("node_cpu_usage_seconds_total 107\n"));
  EXPECT_THAT(text, HasSubstr(
                        "pod_cpu_usage_seconds_total{namespace=\"default\",pod=\"a\"} 100\n"));
  const MeasuredNode measured = MeasureSimulated({}, running, now, 107);
  EXPECT_EQ(measured.root.stats.cpu.total_ns, 107'000'000'000u);
  EXPECT_EQ(measured.pods.at(0).cgroup->stats.cpu.total_ns, 100'000'000'000u);
}

}  // namespace
}  // namespace skiff::kubelet
