#include "controllers/nodes/node_figures.h"

#include <gmock/gmock.h>

namespace skiff {
namespace {

using core_v1::Node;
using testing::HasSubstr;

Node CountedNode(const std::string& zone, const std::string& ready) {
  Node node;
  if (!zone.empty()) node.metadata.labels["topology.kubernetes.io/zone"] = zone;
  auto& condition = node.status.conditions.emplace_back();
  condition.type = "Ready";
  condition.status = ready;
  return node;
}

TEST(NodeFiguresTest, ZonesAreCountedAndWhoWasGivenUpIn) {
  MetricRegistry registry;
  {
    NodeFigures figures(&registry);
    const Node ready = CountedNode("", "True"), silent = CountedNode("", "Unknown");
    Node given_up = silent;
    SetNoExecuteTaint(given_up, kUnreachableTaint, TimePoint());
    for (int i = 0; i < 4; ++i) figures.Saw(nullptr, &ready);
    figures.Saw(&ready, &silent);
    figures.Saw(&silent, &given_up);
    figures.Saw(nullptr, &given_up);  // By another controller manager.
    const Node elsewhere = CountedNode("a", "True");
    figures.Saw(nullptr, &elsewhere);
    figures.Saw(&elsewhere, nullptr);
    figures.LookedAtOne(2ms);
    figures.LookedAtAll(20ms);
  }
  const std::string text = registry.Text();
  for (const char* line : {"zone_size{zone=\"\"} 5\n", "unhealthy_nodes_in_zone{zone=\"\"} 2\n",
                           "zone_health{zone=\"\"} 60\n", "evictions_total{zone=\"\"} 1\n",
                           "update_node_health_duration_seconds_bucket{le=\"0.001\"} 0\n",
                           "update_node_health_duration_seconds_bucket{le=\"0.004\"} 1\n",
                           "update_all_nodes_health_duration_seconds_count 1\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\nnode_collector_") + line));
  }
  const std::string zone_a("zone=\":\0:a\"", 11);
  EXPECT_THAT(text, HasSubstr("\nnode_collector_zone_size{" + zone_a + "} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nnode_collector_zone_health{" + zone_a + "} 100\n"));
}

}  // namespace
}  // namespace skiff
