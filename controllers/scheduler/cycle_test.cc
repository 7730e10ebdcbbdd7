// Who is asked about which nodes, and in what order.
#include "controllers/scheduler/cycle.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

using Asked = std::vector<std::string>;

// Of rules that refuse nodes by their labels: "<node> <rule>" for each time that one was asked.
Asked& Told() {
  static Asked told;
  return told;
}

Verdict Ask(const NodeInfo& node, const std::string& rule) {
  Told().push_back(node.name() + " " + rule);
  const auto& labels = node.node->metadata.labels;
  return labels.contains(rule) ? Verdict::Unschedulable("refused") : Verdict::Fits();
}

template <char rule>
Prepared PrepareAsking(const PodInfo&, const Snapshot&) {
  return Prepared::Each([](const NodeInfo& node) { return Ask(node, {rule}); });
}

Prepared PrepareAmong(const PodInfo&, const Snapshot&) {
  Prepared prepared;
  prepared.among = [](const NodeInfo& node) { return Ask(node, "among"); };
  return prepared;
}

class CycleTest : public testing::Test {
 protected:
  CycleTest() { Told().clear(); }
  SchedulingFixture cluster_;
};

TEST_F(CycleTest, ARuleThatMayGoFirstIsAskedBeforeOthersOnceItHasRefused) {
  cluster_.profile.filters = {{"a", PrepareAsking<'a'>}, {"b", PrepareAsking<'b'>, true}};
  cluster_.AddNode("1", "1");
  for (const char* name : {"2", "3"}) cluster_.AddNode(name, "1", {{"b", ""}});
  cluster_.AddNode("4", "1");
  cluster_.Schedule(*PodOf("p", 0, "1"));
  EXPECT_EQ(Told(), (Asked{"1 a", "1 b", "2 a", "2 b", "3 b", "4 b", "4 a"}));
}

TEST_F(CycleTest, ARuleThatMayNotGoFirstIsAskedOnlyWhereThoseAheadOfItDoNotRefuse) {
  cluster_.profile.filters = {{"a", PrepareAsking<'a'>, true}, {"b", PrepareAsking<'b'>}};
  cluster_.AddNode("1", "1");
  cluster_.AddNode("2", "1", {{"b", ""}});
  cluster_.AddNode("3", "1", {{"a", ""}});
  cluster_.Schedule(*PodOf("p", 0, "1"));
  EXPECT_EQ(Told(), (Asked{"1 a", "1 b", "2 a", "2 b", "3 a"}));
}

TEST_F(CycleTest, NoRuleIsAskedOfNodesThatAPodIsNotAmong) {
  cluster_.profile.filters = {{"a", PrepareAsking<'a'>, true}, {"n", PrepareAmong}};
  cluster_.AddNode("1", "1");
  cluster_.AddNode("2", "1", {{"a", ""}});
  cluster_.AddNode("3", "1", {{"among", ""}});
  cluster_.Schedule(*PodOf("p", 0, "1"));
  EXPECT_EQ(Told(), (Asked{"1 among", "1 a", "2 among", "2 a", "3 among"}));
}

}  // namespace
}  // namespace skiff::scheduler
