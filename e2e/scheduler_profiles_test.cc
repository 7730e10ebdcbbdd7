// Two profiles of one scheduler, on the real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/scheduler/scheduler.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::Event;
using core_v1::Node;
using core_v1::Pod;
using scheduler::ScoringStrategy;
using testing::UnorderedElementsAre;

class SchedulerProfilesClusterTest : public testing::Test {
 protected:
  SchedulerProfilesClusterTest() : cluster_(Options()) {
    cluster_.RunFor(1s);  // Pods need a service account.
    for (const char* name : {"empty", "used"}) AddNode(name);
    Pod pod = PodFor("default-scheduler", "placed", "2");
    pod.spec.node_name = "used";
    cluster_.Apply(pod).RunUntilIdle();
  }
  static TestCluster::Options Options() {
    TestCluster::Options options;
    options.controllers.controllers = {"serviceaccount-controller"};
    options.add_parts = [](Manager& manager) {
      scheduler::SchedulerOptions profiles;
      auto& packing = profiles.profiles.emplace_back();
      packing.name = "packing";
      packing.scoring.type = ScoringStrategy::Type::kMostAllocated;
      std::erase_if(packing.scores,
                    [](const auto& rule) { return rule.name != "NodeResourcesFit"; });
      scheduler::AddScheduler(manager, profiles);
    };
    return options;
  }
  void AddNode(const std::string& name) {
    Node node = NodeOf(name);
    cluster_.Apply(node);
    node.status.allocatable["cpu"] = Quantity::FromValue(4);
    node.status.allocatable["memory"] = *Quantity::Parse("8Gi");
    node.status.allocatable["pods"] = Quantity::FromValue(110);
    node.status.capacity = node.status.allocatable;
    cluster_.Edit<Node>(
        {"", name}, [&](Node& it) { it.status = node.status; }, true);
    // Admission's taint for nodes that have not reported.
    cluster_.Edit<Node>({"", name}, [](Node& it) { it.spec.taints.clear(); });
  }
  static Pod PodFor(const std::string& scheduler, const std::string& name, const std::string& cpu) {
    Pod pod;
    pod.metadata.namespace_ = "default";
    pod.metadata.name = name;
    pod.spec.scheduler_name = scheduler;
    auto& container = pod.spec.containers.emplace_back();
    container.name = "main";
    container.image = "image:1";
    container.resources.requests["cpu"] = *Quantity::Parse(cpu);
    return pod;
  }
  std::string NodeOfPod(const std::string& name) {
    return cluster_.Get<Pod>({"default", name})->spec.node_name;
  }

  TestCluster cluster_;
};

TEST_F(SchedulerProfilesClusterTest, APodIsPlacedByTheOneThatItNames) {
  cluster_.Apply(PodFor("default-scheduler", "spread", "1"));
  cluster_.Apply(PodFor("packing", "packed", "1"));
  cluster_.Apply(PodFor("nobody", "waiting", "1")).RunUntilIdle();
  EXPECT_EQ(NodeOfPod("spread"), "empty");
  EXPECT_EQ(NodeOfPod("packed"), "used");
  EXPECT_EQ(NodeOfPod("waiting"), "");
  std::vector<std::string> tellers;
  for (const Event& event : cluster_.List<Event>("default")) {
    if (event.reason == "Scheduled") {
      tellers.push_back(event.involved_object.name + " by " + event.reporting_component);
    }
  }
  EXPECT_THAT(tellers, UnorderedElementsAre("spread by default-scheduler", "packed by packing"));
}

}  // namespace
}  // namespace skiff
