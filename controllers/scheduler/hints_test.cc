// The table of hints: rule by rule, what happens and whether it may help.
#include "controllers/scheduler/hints.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/profile.h"
#include "controllers/scheduler/queue.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

using enum ClusterEvent;
using core_v1::Node;
using core_v1::Pod;
using NodeEdit = std::function<void(Node&)>;

std::shared_ptr<const NodeInfo> HintNode(const NodeEdit& edit = nullptr) {
  auto node = std::make_shared<Node>();
  node->metadata.name = "n";
  node->status.allocatable["cpu"] = Quantity::FromValue(4);
  node->status.allocatable["pods"] = Quantity::FromValue(110);
  if (edit) edit(*node);
  auto info = std::make_shared<NodeInfo>();
  info->SetNode(node);
  return info;
}

NodeEdit Labelled(const std::string& key, const std::string& value) {
  return [=](Node& node) { node.metadata.labels[key] = value; };
}

NodeEdit Tainted(const std::string& key, const std::string& effect = "NoSchedule") {
  return [=](Node& node) {
    auto& taint = node.spec.taints.emplace_back();
    taint.key = key;
    taint.effect = effect;
  };
}

void Unschedulable(Node& node) {
  node.spec.unschedulable = true;
}

NodeEdit WithCpu(int64_t count) {
  return [=](Node& node) { node.status.allocatable["cpu"] = Quantity::FromValue(count); };
}

PodInfoPtr HintPod(const PodEdit& edit = [](Pod&) {}) {
  return PodOf("p", 1, "1", edit);
}

void Mount(Pod& pod, const std::string& claim) {
  pod.spec.volumes.emplace_back().persistent_volume_claim.emplace().claim_name = claim;
}

meta_v1::LabelSelector AppIs(const std::string& app) {
  meta_v1::LabelSelector selector;
  selector.match_labels["app"] = app;
  return selector;
}

PodEdit SpreadOver(const std::string& key, bool honor_taints = false) {
  return [=](Pod& pod) {
    pod.metadata.labels["app"] = "web";
    auto& spread = pod.spec.topology_spread_constraints.emplace_back();
    spread.topology_key = key;
    spread.max_skew = 1;
    spread.when_unsatisfiable = "DoNotSchedule";
    spread.label_selector = AppIs("web");
    if (honor_taints) spread.node_taints_policy = "Honor";
  };
}

core_v1::PodAffinityTerm TermOf(const std::string& app, const std::string& key) {
  core_v1::PodAffinityTerm term;
  term.topology_key = key;
  term.label_selector = AppIs(app);
  return term;
}

PodEdit Near(const std::string& app, const std::string& key = "zone") {
  return [=](Pod& pod) {
    pod.spec.affinity.emplace()
        .pod_affinity.emplace()
        .required_during_scheduling_ignored_during_execution.push_back(TermOf(app, key));
  };
}

PodEdit FarFrom(const std::string& app, const std::string& key = "zone") {
  return [=](Pod& pod) {
    pod.spec.affinity.emplace()
        .pod_anti_affinity.emplace()
        .required_during_scheduling_ignored_during_execution.push_back(TermOf(app, key));
  };
}

PodEdit App(const std::string& app) {
  return [=](Pod& pod) {
    pod.metadata.labels["app"] = app;
    pod.spec.node_name = "n";
  };
}

class HintsTest : public testing::Test {
 protected:
  HintsTest() {
    view_.profile = &profile_;
    view_.namespace_labels = [](const auto&) { return std::map<std::string, std::string>(); };
    view_.default_spread_selector = [](const auto&) { return meta_v1::LabelSelector(); };
  }
  bool Helps(std::string_view rule, const PodInfoPtr& pod, ClusterEvent event,
             const Change& change) {
    return MayHelp(rule, *pod, event, change, view_);
  }
  bool NodeHelps(std::string_view rule, const PodInfoPtr& pod, ClusterEvent event,
                 const NodeEdit& before, const NodeEdit& now) {
    return Helps(rule, pod, event, {.node = {HintNode(before), HintNode(now)}});
  }
  bool NewNodeHelps(std::string_view rule, const PodInfoPtr& pod, const NodeEdit& now = nullptr) {
    return Helps(rule, pod, kNodeAdded, {.node = {nullptr, HintNode(now)}});
  }
  bool NewPodHelps(std::string_view rule, const PodInfoPtr& pod, const PodEdit& other) {
    return Helps(rule, pod, kPodAdded, {.pod = {nullptr, PodOf("o", 1, "1", other)}});
  }
  bool GonePodHelps(std::string_view rule, const PodInfoPtr& pod, const PodEdit& other) {
    return Helps(rule, pod, kPodDeleted, {.pod = {PodOf("o", 1, "1", other), nullptr}});
  }
  bool RelabelHelps(std::string_view rule, const PodInfoPtr& pod, const std::string& from,
                    const std::string& to) {
    return Helps(rule, pod, kPodAdded,
                 {.pod = {PodOf("o", 1, "1", App(from)), PodOf("o", 1, "1", App(to))}});
  }
  template <typename Claim = core_v1::PersistentVolumeClaim>
  bool ClaimHelps(std::string_view rule, const PodInfoPtr& pod, const std::string& name,
                  bool is_new, const std::string& namespace_ = "default") {
    auto claim = std::make_shared<Claim>();
    claim->metadata.name = name;
    claim->metadata.namespace_ = namespace_;
    return Helps(rule, pod, kClaim, {.claim = {is_new ? nullptr : claim, claim}});
  }
  bool OwnChangeHelps(std::string_view rule, const PodInfoPtr& before, const PodInfoPtr& now) {
    return MayHelpItself(rule, *before, *now, view_);
  }

  Profile profile_;
  Snapshot view_;
};

TEST_F(HintsTest, NodeUnschedulable) {
  constexpr char kRule[] = "NodeUnschedulable";
  const auto pod = HintPod();
  EXPECT_TRUE(NewNodeHelps(kRule, pod));
  EXPECT_FALSE(NewNodeHelps(kRule, pod, Unschedulable));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeTaints, Unschedulable, nullptr));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, nullptr, Unschedulable));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), nullptr));
}

TEST_F(HintsTest, TaintToleration) {
  constexpr char kRule[] = "TaintToleration";
  const auto pod = HintPod([](Pod& it) {
    auto& toleration = it.spec.tolerations.emplace_back();
    toleration.key = "mine";
    toleration.operator_ = "Exists";
  });
  EXPECT_TRUE(NewNodeHelps(kRule, pod));
  EXPECT_TRUE(NewNodeHelps(kRule, pod, Tainted("mine")));
  EXPECT_FALSE(NewNodeHelps(kRule, pod, Tainted("a")));
  EXPECT_TRUE(NewNodeHelps(kRule, pod, Tainted("a", "PreferNoSchedule")));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), nullptr));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), Tainted("mine")));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), Tainted("b")));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, nullptr, Tainted("a")));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, Tainted("mine"), nullptr))
      << "it was free before";
}

TEST_F(HintsTest, NodeAffinity) {
  constexpr char kRule[] = "NodeAffinity";
  const auto pod = HintPod([](Pod& it) { it.spec.node_selector["disk"] = "ssd"; });
  const auto ssd = Labelled("disk", "ssd"), hdd = Labelled("disk", "hdd");
  EXPECT_TRUE(NewNodeHelps(kRule, pod, ssd));
  EXPECT_FALSE(NewNodeHelps(kRule, pod, hdd));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeLabels, hdd, ssd));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeLabels, ssd, hdd));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeLabels, nullptr, hdd));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), nullptr));
  auto& enforced = profile_.added_affinity.emplace()
                       .required_during_scheduling_ignored_during_execution.emplace();
  auto& wanted = enforced.node_selector_terms.emplace_back().match_expressions.emplace_back();
  wanted.key = "ours";
  wanted.operator_ = "Exists";
  const auto both = [&](Node& node) {
    ssd(node);
    node.metadata.labels["ours"] = "yes";
  };
  EXPECT_FALSE(NewNodeHelps(kRule, pod, ssd)) << "the profile wants more";
  EXPECT_TRUE(NewNodeHelps(kRule, pod, both));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeLabels, ssd, both));
}

TEST_F(HintsTest, NodeName) {
  EXPECT_TRUE(NewNodeHelps("NodeName", HintPod()));
  EXPECT_FALSE(NodeHelps("NodeName", HintPod(), kNodeTaints, Tainted("a"), nullptr));
}

TEST_F(HintsTest, NodePorts) {
  constexpr char kRule[] = "NodePorts";
  const auto with_port = [](int port) {
    return [=](Pod& pod) { pod.spec.containers[0].ports.emplace_back().host_port = port; };
  };
  const auto pod = HintPod(with_port(80));
  EXPECT_TRUE(NewNodeHelps(kRule, pod));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), nullptr));
  EXPECT_TRUE(GonePodHelps(kRule, pod, with_port(80)));
  EXPECT_FALSE(GonePodHelps(kRule, pod, with_port(81)));
  EXPECT_FALSE(GonePodHelps(kRule, pod, App("web")));
}

TEST_F(HintsTest, NodeResourcesFit) {
  constexpr char kRule[] = "NodeResourcesFit";
  const auto pod = PodOf("p", 1, "4");
  EXPECT_TRUE(NewNodeHelps(kRule, pod, WithCpu(4)));
  EXPECT_FALSE(NewNodeHelps(kRule, pod, WithCpu(3))) << "it would not fit there alone";
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeAllocatable, WithCpu(4), WithCpu(5)));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeAllocatable, WithCpu(2), WithCpu(3)));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeAllocatable, WithCpu(6), WithCpu(5)));
  const auto more_memory = [](Node& node) {
    node.status.allocatable["memory"] = Quantity::FromValue(1 << 30);
  };
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeAllocatable, nullptr, more_memory)) << "it asks for none";
  const auto more_pods = [](Node& node) {
    node.status.allocatable["pods"] = Quantity::FromValue(111);
  };
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeAllocatable, nullptr, more_pods));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), nullptr));
  EXPECT_TRUE(GonePodHelps(kRule, pod, App("web")));
  const auto shrinks = [&](const std::string& from, const std::string& to) {
    return Helps(kRule, pod, kPodShrunk, {.pod = {PodOf("o", 1, from), PodOf("o", 1, to)}});
  };
  EXPECT_TRUE(shrinks("2", "1"));
  EXPECT_FALSE(shrinks("1", "1"));
  EXPECT_TRUE(AsksForLess(*PodOf("o", 1, "2"), *PodOf("o", 1, "1")));
  EXPECT_FALSE(AsksForLess(*PodOf("o", 1, "1"), *PodOf("o", 1, "2")));
}

TEST_F(HintsTest, VolumeRestrictions) {
  constexpr char kRule[] = "VolumeRestrictions";
  const auto pod = HintPod([](Pod& it) { Mount(it, "data"); });
  EXPECT_TRUE(NewNodeHelps(kRule, pod));
  EXPECT_TRUE(GonePodHelps(kRule, pod, [](Pod& it) { Mount(it, "data"); }));
  EXPECT_FALSE(GonePodHelps(kRule, pod, [](Pod& it) { Mount(it, "other"); }));
  EXPECT_FALSE(GonePodHelps(kRule, pod, [](Pod& it) {
    Mount(it, "data");
    it.metadata.namespace_ = "elsewhere";
  }));
  const auto with_disk = [](const std::string& name) {
    return [=](Pod& it) { it.spec.volumes.emplace_back().iscsi.Ensure().iqn = name; };
  };
  EXPECT_TRUE(GonePodHelps(kRule, HintPod(with_disk("x")), with_disk("x")));
  EXPECT_FALSE(GonePodHelps(kRule, HintPod(with_disk("x")), with_disk("y")));
  EXPECT_TRUE(ClaimHelps(kRule, pod, "data", /*is_new=*/true));
  EXPECT_FALSE(ClaimHelps(kRule, pod, "data", /*is_new=*/false));
  EXPECT_FALSE(ClaimHelps(kRule, pod, "other", /*is_new=*/true));
  EXPECT_FALSE(ClaimHelps(kRule, pod, "data", /*is_new=*/true, "elsewhere"));
}

TEST_F(HintsTest, NodeVolumeLimits) {
  constexpr char kRule[] = "NodeVolumeLimits";
  const auto pod = HintPod([](Pod& it) { Mount(it, "data"); });
  EXPECT_TRUE(Helps(kRule, pod, kVolumeLimit, {}));
  EXPECT_TRUE(Helps(kRule, pod, kAttachmentDeleted, {}));
  EXPECT_FALSE(Helps(kRule, HintPod(), kAttachmentDeleted, {}));
  EXPECT_TRUE(GonePodHelps(kRule, pod, [](Pod& it) { Mount(it, "other"); }));
  const auto with_disk = [](Pod& it) { it.spec.volumes.emplace_back().cinder.Ensure(); };
  EXPECT_TRUE(Helps(kRule, HintPod(with_disk), kAttachmentDeleted, {}));
  EXPECT_TRUE(GonePodHelps(kRule, pod, with_disk));
  EXPECT_FALSE(GonePodHelps(kRule, pod, App("web")));
  EXPECT_TRUE(ClaimHelps(kRule, pod, "data", /*is_new=*/true));
  EXPECT_FALSE(ClaimHelps(kRule, pod, "data", /*is_new=*/false));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), nullptr));
}

TEST_F(HintsTest, VolumeBinding) {
  constexpr char kRule[] = "VolumeBinding";
  const auto pod = HintPod([](Pod& it) { Mount(it, "data"); });
  EXPECT_TRUE(NewNodeHelps(kRule, pod));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeLabels, nullptr, Labelled("a", "b")));
  EXPECT_TRUE(Helps(kRule, pod, kNodeMigrates, {}));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), nullptr));
  EXPECT_TRUE(ClaimHelps(kRule, pod, "data", /*is_new=*/false));
  EXPECT_FALSE(ClaimHelps(kRule, pod, "other", /*is_new=*/false));
  const auto volume = std::make_shared<const core_v1::PersistentVolume>();
  EXPECT_TRUE(Helps(kRule, pod, kVolume, {.volume = {volume, volume}}));
  EXPECT_FALSE(Helps(kRule, pod, kVolume, {.volume = {volume, nullptr}}));
  storage_v1::StorageClass other_places;
  other_places.allowed_topologies.emplace_back();
  const auto one = std::make_shared<const storage_v1::StorageClass>();
  const auto two = std::make_shared<const storage_v1::StorageClass>(other_places);
  EXPECT_TRUE(Helps(kRule, pod, kStorageClass, {.storage_class = {nullptr, one}}));
  EXPECT_FALSE(Helps(kRule, pod, kStorageClass, {.storage_class = {one, one}}));
  EXPECT_TRUE(Helps(kRule, pod, kStorageClass, {.storage_class = {one, two}}));
  EXPECT_FALSE(Helps(kRule, pod, kStorageClass, {.storage_class = {one, nullptr}}));
  EXPECT_TRUE(Helps(kRule, pod, kStorageCapacity, {}));
}

TEST_F(HintsTest, VolumeZone) {
  constexpr char kRule[] = "VolumeZone";
  const auto pod = HintPod([](Pod& it) { Mount(it, "data"); });
  EXPECT_TRUE(NewNodeHelps(kRule, pod));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeLabels, nullptr, Labelled("a", "b")));
  EXPECT_TRUE(ClaimHelps(kRule, pod, "data", /*is_new=*/false));
  EXPECT_FALSE(ClaimHelps(kRule, pod, "other", /*is_new=*/false));
  core_v1::PersistentVolume in_zone;
  in_zone.metadata.labels["topology.kubernetes.io/zone"] = "a";
  const auto one = std::make_shared<const core_v1::PersistentVolume>();
  const auto two = std::make_shared<const core_v1::PersistentVolume>(in_zone);
  EXPECT_TRUE(Helps(kRule, pod, kVolume, {.volume = {nullptr, one}}));
  EXPECT_TRUE(Helps(kRule, pod, kVolume, {.volume = {one, two}}));
  EXPECT_FALSE(Helps(kRule, pod, kVolume, {.volume = {two, two}}));
  storage_v1::StorageClass delayed;
  delayed.volume_binding_mode = "WaitForFirstConsumer";
  const auto at_once = std::make_shared<const storage_v1::StorageClass>();
  const auto later = std::make_shared<const storage_v1::StorageClass>(delayed);
  EXPECT_TRUE(Helps(kRule, pod, kStorageClass, {.storage_class = {nullptr, later}}));
  EXPECT_FALSE(Helps(kRule, pod, kStorageClass, {.storage_class = {nullptr, at_once}}));
  EXPECT_FALSE(Helps(kRule, pod, kStorageClass, {.storage_class = {later, later}}));
}

TEST_F(HintsTest, PodTopologySpread) {
  constexpr char kRule[] = "PodTopologySpread";
  const auto pod = HintPod(SpreadOver("zone"));
  EXPECT_TRUE(NewPodHelps(kRule, pod, App("web")));
  EXPECT_FALSE(NewPodHelps(kRule, pod, App("other")));
  EXPECT_FALSE(NewPodHelps(kRule, pod, [](Pod& it) {
    App("web")(it);
    it.metadata.namespace_ = "elsewhere";
  }));
  EXPECT_TRUE(GonePodHelps(kRule, pod, App("web")));
  EXPECT_FALSE(GonePodHelps(kRule, pod, App("other")));
  EXPECT_TRUE(RelabelHelps(kRule, pod, "web", "other"));
  EXPECT_TRUE(RelabelHelps(kRule, pod, "other", "web"));
  EXPECT_FALSE(RelabelHelps(kRule, pod, "other", "another"));
  const auto a = Labelled("zone", "a"), b = Labelled("zone", "b");
  EXPECT_TRUE(NewNodeHelps(kRule, pod, a));
  EXPECT_FALSE(NewNodeHelps(kRule, pod));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeLabels, a, b));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeLabels, a, nullptr));
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeLabels, nullptr, a));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeLabels, nullptr, Labelled("disk", "ssd")));
  const auto a_tainted = [&](Node& node) {
    a(node);
    Tainted("a")(node);
  };
  EXPECT_TRUE(NodeHelps(kRule, pod, kNodeTaints, a_tainted, a));
  EXPECT_FALSE(NodeHelps(kRule, pod, kNodeTaints, Tainted("a"), nullptr)) << "it has no zone";
  EXPECT_TRUE(Helps(kRule, pod, kNodeDeleted, {.node = {HintNode(a), nullptr}}));
  EXPECT_FALSE(Helps(kRule, pod, kNodeDeleted, {.node = {HintNode(), nullptr}}));
}

TEST_F(HintsTest, InterPodAffinity) {
  constexpr char kRule[] = "InterPodAffinity";
  const auto near = HintPod(Near("web")), far = HintPod(FarFrom("web"));
  EXPECT_TRUE(NewPodHelps(kRule, near, App("web")));
  EXPECT_FALSE(NewPodHelps(kRule, near, App("other")));
  EXPECT_FALSE(NewPodHelps(kRule, far, App("web")));
  EXPECT_TRUE(GonePodHelps(kRule, far, App("web")));
  EXPECT_FALSE(GonePodHelps(kRule, far, App("other")));
  EXPECT_FALSE(GonePodHelps(kRule, near, App("web")));
  EXPECT_TRUE(RelabelHelps(kRule, near, "other", "web"));
  EXPECT_FALSE(RelabelHelps(kRule, near, "web", "other"));
  EXPECT_TRUE(RelabelHelps(kRule, far, "web", "other"));
  EXPECT_FALSE(RelabelHelps(kRule, far, "other", "web"));
  const auto refused = HintPod([](Pod& it) { it.metadata.labels["app"] = "me"; });
  EXPECT_TRUE(GonePodHelps(kRule, refused, FarFrom("me"))) << "it would not have this one near it";
  EXPECT_FALSE(GonePodHelps(kRule, refused, FarFrom("web")));
  const auto a = Labelled("zone", "a"), b = Labelled("zone", "b");
  EXPECT_TRUE(NewNodeHelps(kRule, near, a));
  EXPECT_FALSE(NewNodeHelps(kRule, near));
  EXPECT_TRUE(NewNodeHelps(kRule, far));
  EXPECT_TRUE(NodeHelps(kRule, near, kNodeLabels, nullptr, a));
  EXPECT_TRUE(NodeHelps(kRule, near, kNodeLabels, b, a));
  EXPECT_FALSE(NodeHelps(kRule, near, kNodeLabels, a, nullptr));
  EXPECT_FALSE(NodeHelps(kRule, near, kNodeLabels, nullptr, Labelled("disk", "ssd")));
  EXPECT_TRUE(NodeHelps(kRule, far, kNodeLabels, a, nullptr));
  EXPECT_TRUE(NodeHelps(kRule, far, kNodeLabels, a, b));
  EXPECT_FALSE(NodeHelps(kRule, far, kNodeLabels, nullptr, a));
  EXPECT_FALSE(NodeHelps(kRule, near, kNodeTaints, Tainted("a"), nullptr));
}

TEST_F(HintsTest, WhatThePodItselfChanges) {
  const auto tolerating = [](const std::string& key) {
    return HintPod([=](Pod& it) {
      auto& toleration = it.spec.tolerations.emplace_back();
      toleration.key = key;
      toleration.operator_ = "Exists";
    });
  };
  EXPECT_TRUE(OwnChangeHelps("TaintToleration", HintPod(), tolerating("a")));
  EXPECT_FALSE(OwnChangeHelps("NodeUnschedulable", HintPod(), tolerating("a")));
  EXPECT_TRUE(OwnChangeHelps("NodeUnschedulable", HintPod(),
                             tolerating("node.kubernetes.io/unschedulable")));
  EXPECT_TRUE(OwnChangeHelps("NodeResourcesFit", PodOf("p", 1, "2"), PodOf("p", 1, "1")));
  EXPECT_FALSE(OwnChangeHelps("NodeResourcesFit", PodOf("p", 1, "1"), PodOf("p", 1, "2")));
  const auto spread = HintPod(SpreadOver("zone"));
  const auto relabelled = HintPod([](Pod& it) {
    SpreadOver("zone")(it);
    it.metadata.labels["app"] = "other";
  });
  EXPECT_TRUE(OwnChangeHelps("PodTopologySpread", spread, relabelled));
  EXPECT_FALSE(OwnChangeHelps("PodTopologySpread", spread, spread));
  const auto tolerates = [](bool honor_taints) {
    return HintPod([=](Pod& it) {
      SpreadOver("zone", honor_taints)(it);
      it.spec.tolerations.emplace_back().operator_ = "Exists";
    });
  };
  EXPECT_TRUE(OwnChangeHelps("PodTopologySpread", spread, tolerates(true)));
  EXPECT_FALSE(OwnChangeHelps("PodTopologySpread", spread, tolerates(false)));
  EXPECT_TRUE(OwnChangeHelps("InterPodAffinity", spread, relabelled));
  EXPECT_FALSE(OwnChangeHelps("NodeAffinity", spread, relabelled));
  EXPECT_TRUE(OwnChangeHelps("Extender", spread, relabelled)) << "nobody knows what it goes by";
}

TEST_F(HintsTest, OfOthersRulesAnythingMayHelp) {
  EXPECT_TRUE(NodeHelps("Extender", HintPod(), kNodeTaints, nullptr, Tainted("a")));
}

TEST_F(HintsTest, TheQueueTriesAgainWhomAChangeMayHelp) {
  SchedulingQueue queue([this](const Pod&) { return &view_; });
  queue.Add(PodOf("p", 1, "4"), 0s);
  queue.Unschedulable(*queue.Pop(0s), {"NodeResourcesFit", "NodePorts"}, 0s);
  const Change small{.node = {nullptr, HintNode(WithCpu(3))}};
  const Change larger{.node = {HintNode(WithCpu(3)), HintNode(WithCpu(4))}};
  queue.Happened(kNodeAllocatable, 60s, &larger);
  ASSERT_TRUE(queue.Pop(60s)) << "NodePorts has no say in what changed";
  queue.Add(PodOf("q", 1, "4"), 60s);
  queue.Unschedulable(*queue.Pop(60s), {"NodeResourcesFit"}, 60s);
  queue.Happened(kNodeAdded, 120s, &small);
  EXPECT_FALSE(queue.Pop(120s));
  queue.Add(PodOf("q", 1, "4", [](Pod& pod) { pod.metadata.labels["a"] = "b"; }), 120s);
  EXPECT_FALSE(queue.Pop(120s)) << "its labels are none of NodeResourcesFit's";
  queue.Add(PodOf("q", 1, "3"), 120s);
  EXPECT_TRUE(queue.Pop(120s));
}

}  // namespace
}  // namespace skiff::scheduler
