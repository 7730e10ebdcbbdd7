// The scheduler and the ReplicaSet controller on the real server: a preemptor gets the place that
// was made for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/scheduling_v1.h"
#include "controllers/scheduler/scheduler.h"
#include "controllers/workloads/pod_control.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using apps_v1::ReplicaSet;
using core_v1::Node;
using core_v1::Pod;
using testing::SizeIs;

class PreemptionClusterTest : public testing::TestWithParam<uint64_t> {
 protected:
  PreemptionClusterTest() : cluster_(Options()) {
    AddNode("node1", 2);
    AddClass("low", 10);
    AddClass("high", 1000);
  }

  static TestCluster::Options Options() {
    TestCluster::Options options;
    options.seed = GetParam();
    options.controllers.controllers = {"replicaset-controller", "serviceaccount-controller"};
    options.add_parts = [](Manager& manager) { scheduler::AddScheduler(manager); };
    return options;
  }
  void AddNode(const std::string& name, int cpu) {
    Node node = NodeOf(name);
    cluster_.Apply(node);
    node.status.allocatable["cpu"] = Quantity::FromValue(cpu);
    node.status.allocatable["pods"] = Quantity::FromValue(110);
    node.status.capacity = node.status.allocatable;
    cluster_.Edit<Node>({"", name}, [&](Node& it) { it.status = node.status; }, true);
    // Admission's taint for nodes that have not reported.
    cluster_.Edit<Node>({"", name}, [](Node& it) { it.spec.taints.clear(); });
  }
  void AddClass(const std::string& name, int value) {
    scheduling_v1::PriorityClass priority;
    priority.metadata.name = name;
    priority.value = value;
    cluster_.Apply(priority);
  }
  static void Ask(core_v1::PodSpec& spec, const std::string& priority, int cpu) {
    spec.priority_class_name = priority;
    spec.containers[0].resources.requests["cpu"] = Quantity::FromValue(cpu);
  }
  void AddReplicaSet(const std::string& name, const std::string& priority, int replicas) {
    ReplicaSet set;
    set.metadata.name = name;
    set.metadata.namespace_ = "default";
    set.spec.replicas = replicas;
    set.spec.selector.Ensure().match_labels["app"] = name;
    FillTemplate(set.spec.template_, name, "image:1");
    Ask(set.spec.template_.spec, priority, 1);
    cluster_.Apply(set).RunFor(1s);
  }
  void AddPod(const std::string& name, const std::string& priority, int cpu) {
    core_v1::PodTemplateSpec pod_template;
    FillTemplate(pod_template, name, "image:1");
    Pod pod;
    pod.metadata.name = name;
    pod.metadata.namespace_ = "default";
    pod.spec = pod_template.spec;
    Ask(pod.spec, priority, cpu);
    cluster_.Apply(pod).RunFor(1s);
  }
  std::vector<Pod> Leaving() {
    auto pods = cluster_.List<Pod>("default");
    std::erase_if(pods, [](const Pod& pod) { return !pod.metadata.deletion_timestamp; });
    return pods;
  }
  // What their kubelet does in the end.
  void EndLeaving() {
    for (const Pod& pod : Leaving()) cluster_.Delete<Pod>(KeyOf(pod), {.grace_period_s = 0});
  }
  Pod Get(const std::string& name) { return *cluster_.Get<Pod>({"default", name}); }

  TestCluster cluster_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, PreemptionClusterTest, kOrders);

TEST_P(PreemptionClusterTest, ThePlaceGoesToThePreemptorAndNotToItsVictimsSuccessor) {
  AddReplicaSet("web", "low", 2);
  AddPod("important", "high", 1);
  ASSERT_THAT(Leaving(), SizeIs(1));
  const Pod victim = Leaving()[0];
  const auto* condition = FindCondition(victim, "DisruptionTarget");
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->reason, "PreemptionByScheduler");
  EXPECT_EQ(Get("important").status.nominated_node_name, "node1");
  EXPECT_EQ(Get("important").spec.node_name, "") << "its victim is not gone yet";

  // The ReplicaSet makes another one meanwhile, and nothing more is preempted while one leaves.
  cluster_.RunFor(10min);
  EXPECT_THAT(Leaving(), SizeIs(1));
  EndLeaving();
  cluster_.RunFor(15s);
  EXPECT_EQ(Get("important").spec.node_name, "node1");
  EXPECT_EQ(Get("important").status.nominated_node_name, "");
  int placed = 0;
  for (const Pod& pod : cluster_.List<Pod>("default")) {
    placed += pod.spec.node_name.empty() ? 0 : 1;
  }
  EXPECT_EQ(placed, 2);
}

TEST_P(PreemptionClusterTest, AMoreImportantPodTakesThePlaceOfAPreemptor) {
  AddClass("highest", 100'000);
  AddReplicaSet("web", "low", 2);
  AddPod("important", "high", 2);
  ASSERT_EQ(Get("important").status.nominated_node_name, "node1");
  ASSERT_THAT(Leaving(), SizeIs(2));
  AddPod("vital", "highest", 2);
  EndLeaving();
  cluster_.RunFor(30s);
  EXPECT_EQ(Get("vital").spec.node_name, "node1");
  EXPECT_EQ(Get("important").spec.node_name, "");
  EXPECT_EQ(Get("important").status.nominated_node_name, "");
}

TEST_P(PreemptionClusterTest, APodWhosePolicyIsNeverWaits) {
  scheduling_v1::PriorityClass polite;
  polite.metadata.name = "polite";
  polite.value = 1000;
  polite.preemption_policy = "Never";
  cluster_.Apply(polite);
  AddReplicaSet("web", "low", 2);
  AddPod("patient", "polite", 1);
  cluster_.RunFor(1min);
  EXPECT_THAT(Leaving(), SizeIs(0));
  EXPECT_EQ(FindCondition(Get("patient"), "PodScheduled")->reason, "Unschedulable");
}

TEST_P(PreemptionClusterTest, ANominationThatIsLostLetsOthersIn) {
  AddReplicaSet("web", "low", 2);
  AddPod("important", "high", 1);
  cluster_.Delete<Pod>({"default", "important"});
  EndLeaving();
  cluster_.RunFor(15s);
  for (const Pod& pod : cluster_.List<Pod>("default")) EXPECT_EQ(pod.spec.node_name, "node1");
}

}  // namespace
}  // namespace skiff
