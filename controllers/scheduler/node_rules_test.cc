// The rules that ask a node alone, as truth tables: what each says of one node to one pod.
#include <gtest/gtest.h>

#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

using Rule = Prepared (*)(const PodInfo&, const Snapshot&);
using NodeEdit = std::function<void(core_v1::Node&)>;
using Strings = std::vector<std::string>;

PodInfoPtr Pod(const PodEdit& edit) { return PodOf("p", 0, "1", edit); }

NodeInfo NodeOf(const NodeEdit& edit) {
  auto node = std::make_shared<core_v1::Node>();
  node->metadata.name = "n";
  node->status.allocatable["pods"] = Quantity::FromValue(110);
  edit(*node);
  NodeInfo info;
  info.SetNode(std::move(node));
  return info;
}

// None: the node fits.
Strings Said(Rule rule, const PodInfoPtr& pod, const NodeInfo& node) {
  SchedulingFixture cluster;
  Snapshot snapshot = cluster.MakeSnapshot();
  snapshot.repellents = nullptr;  // The node is not among its own.
  const Prepared prepared = rule(*pod, snapshot);
  if (!prepared.rejection.fits()) return prepared.rejection.Reasons();
  for (const NodeFilter& filter : {prepared.among, prepared.filter}) {
    const Verdict verdict = filter ? filter(node) : Verdict::Fits();
    if (!verdict.fits()) return verdict.Reasons();
  }
  return {};
}

core_v1::Toleration Toleration(const std::string& key, const std::string& op,
                               const std::string& value, const std::string& effect) {
  core_v1::Toleration made;
  made.key = key;
  made.operator_ = op;
  made.value = value;
  made.effect = effect;
  return made;
}

TEST(NodeRulesTest, ATaintKeepsOffWhoDoesNotTolerateIt) {
  struct Case {
    std::string effect;  // Of the taint k=v.
    std::vector<core_v1::Toleration> tolerations;
    bool fits;
  };
  const Case cases[] = {
      {"NoSchedule", {}, false},
      {"NoExecute", {}, false},
      {"PreferNoSchedule", {}, true},
      {"NoSchedule", {Toleration("k", "Equal", "v", "NoSchedule")}, true},
      {"NoSchedule", {Toleration("k", "", "v", "NoSchedule")}, true},
      {"NoSchedule", {Toleration("k", "Equal", "w", "NoSchedule")}, false},
      {"NoSchedule", {Toleration("k", "Equal", "v", "NoExecute")}, false},
      {"NoExecute", {Toleration("k", "Equal", "v", "NoExecute")}, true},
      {"NoSchedule", {Toleration("k", "Equal", "v", "")}, true},
      {"NoSchedule", {Toleration("k", "Exists", "", "")}, true},
      {"NoSchedule", {Toleration("l", "Exists", "", "")}, false},
      {"NoExecute", {Toleration("", "Exists", "", "")}, true},
      {"NoExecute", {Toleration("", "Exists", "", "NoSchedule")}, false},
      {"NoSchedule", {Toleration("l", "Exists", "", ""), Toleration("k", "Exists", "", "")}, true},
  };
  for (const Case& each : cases) {
    const NodeInfo node = NodeOf([&](core_v1::Node& made) {
      core_v1::Taint taint;
      taint.key = "k";
      taint.value = "v";
      taint.effect = each.effect;
      made.spec.taints = {taint};
    });
    const auto pod = Pod([&](core_v1::Pod& made) { made.spec.tolerations = each.tolerations; });
    EXPECT_EQ(Said(PrepareTaintToleration, pod, node),
              each.fits ? Strings{} : Strings{"node(s) had untolerated taint(s)"})
        << &each - cases;
  }
}

TEST(NodeRulesTest, ANodeThatIsCordonedTakesWhoToleratesThat) {
  const NodeInfo cordoned = NodeOf([](core_v1::Node& node) { node.spec.unschedulable = true; });
  const auto plain = Pod([](core_v1::Pod&) {});
  const auto tolerant = Pod([](core_v1::Pod& pod) {
    pod.spec.tolerations = {
        Toleration("node.kubernetes.io/unschedulable", "Exists", "", "NoSchedule")};
  });
  EXPECT_EQ(Said(PrepareNodeUnschedulable, plain, cordoned),
            Strings{"node(s) were unschedulable"});
  EXPECT_EQ(Said(PrepareNodeUnschedulable, tolerant, cordoned), Strings{});
  EXPECT_EQ(Said(PrepareNodeUnschedulable, plain, NodeOf([](auto&) {})), Strings{});
}

TEST(NodeRulesTest, APodThatNamesANodeGoesThere) {
  const NodeInfo node = NodeOf([](auto&) {});
  const auto named = [](const std::string& name) {
    return Pod([&](core_v1::Pod& pod) { pod.spec.node_name = name; });
  };
  EXPECT_EQ(Said(PrepareNodeName, named(""), node), Strings{});
  EXPECT_EQ(Said(PrepareNodeName, named("n"), node), Strings{});
  EXPECT_EQ(Said(PrepareNodeName, named("m"), node),
            Strings{"node(s) didn't match the requested node name"});
}

core_v1::NodeSelectorRequirement Asks(const std::string& key, const std::string& op,
                                      const Strings& values) {
  core_v1::NodeSelectorRequirement made;
  made.key = key;
  made.operator_ = op;
  made.values = values;
  return made;
}

core_v1::NodeSelectorTerm Term(const std::vector<core_v1::NodeSelectorRequirement>& expressions,
                               const std::vector<core_v1::NodeSelectorRequirement>& fields = {}) {
  core_v1::NodeSelectorTerm made;
  made.match_expressions = expressions;
  made.match_fields = fields;
  return made;
}

// The answer of a node n with the labels disk=ssd and size=10.
Strings SaidOfTerms(const std::vector<core_v1::NodeSelectorTerm>& terms) {
  const auto pod = Pod([&](core_v1::Pod& made) {
    made.spec.affinity.Ensure()
        .node_affinity.Ensure()
        .required_during_scheduling_ignored_during_execution.Ensure()
        .node_selector_terms = terms;
  });
  return Said(PrepareNodeAffinity, pod, NodeOf([](core_v1::Node& node) {
                node.metadata.labels = {{"disk", "ssd"}, {"size", "10"}};
              }));
}

TEST(NodeRulesTest, EachOperatorOfANodeAffinity) {
  struct Case {
    core_v1::NodeSelectorRequirement asked;
    bool fits;
  };
  const Case cases[] = {
      {Asks("disk", "In", {"hdd", "ssd"}), true},    {Asks("disk", "In", {"hdd"}), false},
      {Asks("none", "In", {""}), false},             {Asks("disk", "NotIn", {"hdd"}), true},
      {Asks("disk", "NotIn", {"ssd"}), false},       {Asks("none", "NotIn", {"ssd"}), true},
      {Asks("disk", "Exists", {}), true},            {Asks("none", "Exists", {}), false},
      {Asks("disk", "DoesNotExist", {}), false},     {Asks("none", "DoesNotExist", {}), true},
      {Asks("size", "Gt", {"9"}), true},             {Asks("size", "Gt", {"10"}), false},
      {Asks("size", "Lt", {"11"}), true},            {Asks("size", "Lt", {"10"}), false},
      {Asks("disk", "Gt", {"1"}), false},            {Asks("none", "Lt", {"1"}), false},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(SaidOfTerms({Term({each.asked})}).empty(), each.fits)
        << each.asked.key << " " << each.asked.operator_;
  }
}

TEST(NodeRulesTest, OneTermIsEnoughAndAllOfATermHolds) {
  const Strings refused{"node(s) didn't match Pod's node affinity/selector"};
  const auto yes = Asks("disk", "Exists", {}), no = Asks("none", "Exists", {});
  EXPECT_EQ(SaidOfTerms({Term({no}), Term({yes})}), Strings{});
  EXPECT_EQ(SaidOfTerms({Term({yes, no})}), refused);
  EXPECT_EQ(SaidOfTerms({Term({})}), refused) << "an empty term";
  EXPECT_EQ(SaidOfTerms({Term({}), Term({yes})}), Strings{});
}

TEST(NodeRulesTest, ANodeThatNoTermNamesIsNotAskedFurther) {
  const auto yes = Asks("disk", "Exists", {}), no = Asks("none", "Exists", {});
  const auto named = [](const std::string& op, const Strings& names) {
    return Asks("metadata.name", op, names);
  };
  const Strings elsewhere{"node(s) didn't satisfy plugin(s) [NodeAffinity]"};
  const Strings refused{"node(s) didn't match Pod's node affinity/selector"};
  EXPECT_EQ(SaidOfTerms({Term({}, {named("In", {"n"})})}), Strings{});
  EXPECT_EQ(SaidOfTerms({Term({}, {named("In", {"m"})})}), elsewhere);
  EXPECT_EQ(SaidOfTerms({Term({no}, {named("In", {"n"})})}), refused);
  EXPECT_EQ(SaidOfTerms({Term({}, {named("In", {"m"})}), Term({}, {named("In", {"n"})})}),
            Strings{});
  EXPECT_EQ(SaidOfTerms({Term({}, {named("In", {"m"})}), Term({no})}), refused)
      << "the other term might take any node";
  EXPECT_EQ(SaidOfTerms({Term({}, {named("NotIn", {"n"})})}), refused);
  EXPECT_EQ(SaidOfTerms({Term({yes}, {named("In", {"m"}), named("In", {"n"})})}),
            Strings{"pod affinity terms conflict"});
}

TEST(NodeRulesTest, ANodeSelectorAsksForEqualLabels) {
  const NodeInfo node =
      NodeOf([](core_v1::Node& made) { made.metadata.labels = {{"disk", "ssd"}, {"bare", ""}}; });
  const auto fits = [&](const std::map<std::string, std::string>& asked) {
    const auto pod = Pod([&](core_v1::Pod& made) { made.spec.node_selector = asked; });
    return Said(PrepareNodeAffinity, pod, node).empty();
  };
  EXPECT_TRUE(fits({}));
  EXPECT_TRUE(fits({{"disk", "ssd"}, {"bare", ""}}));
  EXPECT_FALSE(fits({{"disk", "hdd"}}));
  EXPECT_FALSE(fits({{"disk", "ssd"}, {"none", ""}}));
}

core_v1::ContainerPort Port(int port, const std::string& protocol, const std::string& ip) {
  core_v1::ContainerPort made;
  made.host_port = made.container_port = port;
  made.protocol = protocol;
  made.host_ip = ip;
  return made;
}

TEST(NodeRulesTest, HostPortsClashByPortProtocolAndAddress) {
  struct Case {
    core_v1::ContainerPort used, wanted;
    bool fits;
  };
  const Case cases[] = {
      {Port(80, "TCP", ""), Port(80, "TCP", ""), false},
      {Port(80, "TCP", ""), Port(81, "TCP", ""), true},
      {Port(80, "TCP", ""), Port(80, "UDP", ""), true},
      {Port(80, "TCP", ""), Port(80, "", ""), false},
      {Port(80, "TCP", "127.0.0.1"), Port(80, "TCP", "10.0.0.1"), true},
      {Port(80, "TCP", "127.0.0.1"), Port(80, "TCP", "127.0.0.1"), false},
      {Port(80, "TCP", "127.0.0.1"), Port(80, "TCP", ""), false},
      {Port(80, "TCP", "0.0.0.0"), Port(80, "TCP", "10.0.0.1"), false},
      {Port(80, "TCP", ""), Port(0, "TCP", ""), true},
  };
  for (const Case& each : cases) {
    NodeInfo node = NodeOf([](auto&) {});
    node.AddPod(PodOf("other", 0, "1", [&](core_v1::Pod& pod) {
      pod.spec.containers[0].ports = {each.used};
    }));
    const auto pod =
        Pod([&](core_v1::Pod& made) { made.spec.containers[0].ports = {each.wanted}; });
    const Strings refused{"node(s) didn't have free ports for the requested pod ports"};
    EXPECT_EQ(Said(PrepareNodePorts, pod, node), each.fits ? Strings{} : refused)
        << &each - cases;
  }
}

// --- what fits ---

core_v1::Container Container(const std::string& cpu, bool stays = false) {
  core_v1::Container made;
  made.resources.requests["cpu"] = Quantity::Parse(cpu).value();
  if (stays) made.restart_policy = "Always";
  return made;
}

TEST(NodeRulesTest, WhatAPodAsksForIsTheMostThatRunsAtOnce) {
  struct Case {
    std::vector<core_v1::Container> first, containers;
    std::string overhead, of_pod;  // "": none.
    std::string sum;
  };
  const Case cases[] = {
      {{}, {Container("1"), Container("500m")}, "", "", "1500m"},
      {{Container("3")}, {Container("1")}, "", "", "3"},
      {{Container("1"), Container("2")}, {Container("500m")}, "", "", "2"},
      {{Container("1", true)}, {Container("1")}, "", "", "2"},
      {{Container("1", true), Container("3")}, {Container("1")}, "", "", "4"},
      {{Container("3"), Container("1", true)}, {Container("1")}, "", "", "3"},
      {{}, {Container("1")}, "250m", "", "1250m"},
      {{Container("3")}, {Container("1")}, "250m", "", "3250m"},
      {{}, {Container("1")}, "", "3", "3"},
      {{}, {Container("1")}, "250m", "3", "3250m"},
  };
  for (const Case& each : cases) {
    const auto pod = Pod([&](core_v1::Pod& made) {
      made.spec.init_containers = each.first;
      made.spec.containers = each.containers;
      if (!each.overhead.empty()) {
        made.spec.overhead["cpu"] = Quantity::Parse(each.overhead).value();
      }
      if (!each.of_pod.empty()) {
        made.spec.resources.Ensure().requests["cpu"] = Quantity::Parse(each.of_pod).value();
      }
    });
    const auto node = [](int64_t milli_cpu) {
      return NodeOf([&](core_v1::Node& made) {
        made.status.allocatable["cpu"] = Quantity::Parse(std::to_string(milli_cpu) + "m").value();
      });
    };
    const int64_t sum = Quantity::Parse(each.sum).value().MilliValue();
    EXPECT_EQ(Said(PrepareNodeResourcesFit, pod, node(sum)), Strings{}) << &each - cases;
    EXPECT_EQ(Said(PrepareNodeResourcesFit, pod, node(sum - 1)), Strings{"Insufficient cpu"})
        << &each - cases;
  }
}

// As in kube-scheduler, whose scores of this rule see no requests of a whole pod.
TEST(NodeRulesTest, WhatWouldBeLeftIsScoredByTheRequestsOfContainers) {
  const NodeInfo node = NodeOf([](core_v1::Node& made) {
    made.status.allocatable["cpu"] = Quantity::Parse("1").value();
    made.status.allocatable["memory"] = Quantity::Parse("1000Mi").value();
  });
  SchedulingFixture cluster;
  const Snapshot snapshot = cluster.MakeSnapshot();
  const auto score = [&](const char* of_pod) {
    const auto pod = Pod([&](core_v1::Pod& made) {
      made.spec.containers[0].resources.requests = {{"cpu", Quantity::Parse("100m").value()}};
      if (of_pod == nullptr) return;
      made.spec.resources.Ensure().requests["cpu"] = Quantity::Parse(of_pod).value();
    });
    return ScoreResourcesFit(*pod, snapshot, {}).score(node);
  };
  EXPECT_EQ(score(nullptr), 85) << "90 of the CPU, 80 of the memory, of which it asks for 200 MiB";
  EXPECT_EQ(score("400m"), 85);
}

TEST(NodeRulesTest, NoPodMakesANodeAttractiveByAskingForAllThereIs) {
  NodeInfo node = NodeOf([](core_v1::Node& made) {
    made.status.allocatable["memory"] = Quantity::Parse("1Gi").value();
  });
  node.AddPod(PodOf("greedy", 0, "1", [](core_v1::Pod& made) {
    made.spec.containers[0].resources.requests["memory"] = Quantity::FromValue(INT64_MAX);
  }));
  SchedulingFixture cluster;
  const Snapshot snapshot = cluster.MakeSnapshot();
  const PodInfoPtr pod = PodOf("modest", 0, "1m");
  EXPECT_EQ(ScoreResourcesFit(*pod, snapshot, {}).score(node), 0);
}

TEST(NodeRulesTest, AllThatANodeLacksIsNamed) {
  NodeInfo node = NodeOf([](core_v1::Node& made) {
    made.status.allocatable["pods"] = Quantity::FromValue(1);
    made.status.allocatable["cpu"] = Quantity::FromValue(2);
    made.status.allocatable["example.com/gpu"] = Quantity::FromValue(1);
  });
  node.AddPod(PodOf("other", 0, "1500m"));
  const auto pod = Pod([](core_v1::Pod& made) {
    auto& asked = made.spec.containers[0].resources.requests;
    asked["memory"] = Quantity::FromValue(1);
    asked["example.com/gpu"] = Quantity::FromValue(2);
  });
  EXPECT_EQ(Said(PrepareNodeResourcesFit, pod, node),
            (Strings{"Too many pods", "Insufficient cpu", "Insufficient memory",
                     "Insufficient example.com/gpu"}));
}

TEST(NodeRulesTest, RoomThatPodsTakeMayComeFreeAndRoomThatIsNotThereDoesNot) {
  NodeInfo node = NodeOf([](core_v1::Node& made) {
    made.status.allocatable["cpu"] = Quantity::FromValue(2);
  });
  node.AddPod(PodOf("other", 0, "1500m"));
  SchedulingFixture cluster;
  const auto code = [&](const std::string& cpu) {
    const auto pod = PodOf("p", 0, cpu);
    return PrepareNodeResourcesFit(*pod, cluster.MakeSnapshot()).filter(node).code;
  };
  EXPECT_EQ(code("500m"), Verdict::Code::kFits);
  EXPECT_EQ(code("1"), Verdict::Code::kUnschedulable);
  EXPECT_EQ(code("3"), Verdict::Code::kUnresolvable);
}

// Nodes that a pod does not name are counted apart, whatever else is wrong with them.
TEST(NodeRulesTest, WhatThePodNamesIsAskedBeforeAllOtherRules) {
  SchedulingFixture cluster;
  for (const char* name : {"a", "b", "c"}) cluster.AddNode(name, "0");
  const auto pod = Pod([](core_v1::Pod& made) {
    made.spec.affinity.Ensure()
        .node_affinity.Ensure()
        .required_during_scheduling_ignored_during_execution.Ensure()
        .node_selector_terms = {Term({}, {Asks("metadata.name", "In", {"a"})})};
    made.spec.node_name = "a";  // The rule of it comes before that of affinity.
  });
  EXPECT_EQ(cluster.Schedule(*pod).unfit.Message(),
            "0/3 nodes are available: 1 Insufficient cpu, "
            "2 node(s) didn't satisfy plugin(s) [NodeAffinity].");
}

}  // namespace
}  // namespace skiff::scheduler
