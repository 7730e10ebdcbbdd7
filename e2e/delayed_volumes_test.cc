// The scheduler and the binder of volumes on the real server: claims that wait for their pod.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/storage_v1.h"
#include "controllers/scheduler/scheduler.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;

class DelayedVolumesTest : public testing::TestWithParam<uint64_t> {
 protected:
  explicit DelayedVolumesTest(TestCluster::Options options = Options())
      : cluster_(std::move(options)) {
    for (const char* name : {"node1", "node2", "node3"}) AddNode(name);
    cluster_.Apply(R"(
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
)");
    cluster_.RunFor(1s);
  }

  static TestCluster::Options Options() {
    TestCluster::Options options;
    options.seed = GetParam();
    options.controllers.controllers = {"serviceaccount-controller",
                                       "persistentvolume-binder-controller"};
    options.add_parts = [](Manager& manager) { scheduler::AddScheduler(manager); };
    return options;
  }
  void AddNode(const std::string& name) {
    Node node = NodeOf(name);
    cluster_.Apply(node);
    node.status.allocatable["cpu"] = Quantity::FromValue(8);
    node.status.allocatable["pods"] = Quantity::FromValue(110);
    node.status.capacity = node.status.allocatable;
    cluster_.Edit<Node>({"", name}, [&](Node& it) { it.status = node.status; }, true);
    // Admission's taint for nodes that have not reported.
    cluster_.Edit<Node>({"", name}, [](Node& it) { it.spec.taints.clear(); });
  }
  void AddVolume(const std::string& name, const std::string& node, const std::string& size) {
    PersistentVolume volume;
    volume.metadata.name = name;
    volume.spec.storage_class_name = "local";
    volume.spec.capacity["storage"] = *Quantity::Parse(size);
    volume.spec.access_modes = {"ReadWriteOnce"};
    volume.spec.persistent_volume_reclaim_policy = "Retain";
    volume.spec.local.emplace().path = "/data";
    auto& required = volume.spec.node_affinity.emplace().required.emplace();
    auto& expression = required.node_selector_terms.emplace_back().match_expressions.emplace_back();
    expression.key = "kubernetes.io/hostname";
    expression.operator_ = "In";
    expression.values = {node};
    cluster_.Apply(volume);
  }
  void AddClaim(const std::string& name, const std::string& size) {
    PersistentVolumeClaim claim;
    claim.metadata.name = name;
    claim.metadata.namespace_ = "default";
    claim.spec.storage_class_name = "local";
    claim.spec.access_modes = {"ReadWriteOnce"};
    claim.spec.resources.requests["storage"] = *Quantity::Parse(size);
    cluster_.Apply(claim);
  }
  void AddPod(const std::string& name, const std::vector<std::string>& claims) {
    core_v1::PodTemplateSpec pod_template;
    FillTemplate(pod_template, name, "image:1");
    Pod pod;
    pod.metadata.name = name;
    pod.metadata.namespace_ = "default";
    pod.spec = pod_template.spec;
    for (const std::string& claim : claims) {
      auto& volume = pod.spec.volumes.emplace_back();
      volume.name = claim;
      volume.persistent_volume_claim.Ensure().claim_name = claim;
    }
    cluster_.Apply(pod);
  }
  std::string VolumeOf(const std::string& claim) {
    return cluster_.Get<PersistentVolumeClaim>({"default", claim})->spec.volume_name;
  }
  std::string NodeOfPod(const std::string& pod) {
    return cluster_.Get<Pod>({"default", pod})->spec.node_name;
  }

  TestCluster cluster_;
};

TEST_P(DelayedVolumesTest, APodGoesWhereTheVolumeOfItsClaimIs) {
  AddVolume("there", "node2", "1Gi");
  AddClaim("data", "1Gi");
  cluster_.RunFor(10s);
  EXPECT_EQ(VolumeOf("data"), "") << "nobody needs it yet";
  AddPod("web", {"data"});
  cluster_.RunFor(10s);
  EXPECT_EQ(VolumeOf("data"), "there");
  EXPECT_EQ(NodeOfPod("web"), "node2");
  const auto volume = cluster_.Get<PersistentVolume>({"", "there"});
  EXPECT_EQ(volume->status.phase, "Bound");
  EXPECT_EQ(volume->metadata.annotations.at("pv.kubernetes.io/bound-by-controller"), "yes");
}

TEST_P(DelayedVolumesTest, TwoClaimsOfOnePodGetVolumesOfOneNode) {
  AddVolume("small-1", "node1", "1Gi");
  AddVolume("large-1", "node1", "5Gi");
  AddVolume("large-2", "node2", "5Gi");
  AddClaim("logs", "1Gi");
  AddClaim("data", "5Gi");
  AddPod("web", {"data", "logs"});
  cluster_.RunFor(10s);
  EXPECT_EQ(VolumeOf("logs"), "small-1");
  EXPECT_EQ(VolumeOf("data"), "large-1");
  EXPECT_EQ(NodeOfPod("web"), "node1");
}

TEST_P(DelayedVolumesTest, PodsThatAreDecidedAtOnceGetAVolumeEach) {
  const std::vector<std::string> names = {"one", "two", "three", "four"};
  for (const std::string& name : names) {
    AddVolume(name, "node1", "1Gi");
    AddClaim(name, "1Gi");
  }
  cluster_.RunFor(5s);
  for (const std::string& name : names) AddPod(name, {name});
  cluster_.RunFor(10s);
  for (const std::string& name : names) EXPECT_EQ(NodeOfPod(name), "node1") << name;
  for (const auto& event : cluster_.List<core_v1::Event>("default")) {
    EXPECT_NE(event.reason, "FailedScheduling") << event.message;
  }
}

TEST_P(DelayedVolumesTest, WhatAnEarlierClaimOfTheSameNameLeftIsNotTaken) {
  AddVolume("old", "node1", "1Gi");
  AddClaim("data", "1Gi");
  AddPod("web", {"data"});
  cluster_.RunFor(10s);
  cluster_.Delete<Pod>({"default", "web"}, {.grace_period_s = 0});
  cluster_.Edit<PersistentVolumeClaim>({"default", "data"},
                                       [](auto& it) { it.metadata.finalizers.clear(); });
  cluster_.Delete<PersistentVolumeClaim>({"default", "data"}).RunFor(10s);
  AddVolume("new", "node3", "1Gi");
  AddClaim("data", "1Gi");
  AddPod("web", {"data"});
  cluster_.RunFor(10s);
  EXPECT_EQ(VolumeOf("data"), "new");
  EXPECT_EQ(NodeOfPod("web"), "node3");
  EXPECT_EQ(cluster_.Get<PersistentVolume>({"", "old"})->status.phase, "Released");
}

TEST_P(DelayedVolumesTest, AClaimThatHasAVolumeElsewhereIsNotGivenAnother) {
  AddVolume("mine", "node3", "1Gi");
  AddVolume("other", "node1", "1Gi");
  cluster_.Edit<PersistentVolume>({"", "mine"}, [](PersistentVolume& it) {
    auto& reference = it.spec.claim_ref.emplace();
    reference.namespace_ = "default";
    reference.name = "data";
  });
  AddClaim("data", "1Gi");
  AddPod("web", {"data"});
  cluster_.RunFor(10s);
  EXPECT_EQ(VolumeOf("data"), "mine");
  EXPECT_EQ(NodeOfPod("web"), "node3");
}

// A volume that nobody makes.
class SlowVolumesTest : public DelayedVolumesTest {
 protected:
  SlowVolumesTest() {
    cluster_.Apply(R"(
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: slow}
provisioner: slow.example.com
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  storageClassName: slow
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
)");
    AddPod("web", {"data"});
    cluster_.RunFor(10s);
  }
  std::string NominatedNode() {
    return cluster_.Get<Pod>({"default", "web"})->status.nominated_node_name;
  }
  std::string SelectedNode() {
    const auto claim = cluster_.Get<PersistentVolumeClaim>({"default", "data"});
    const auto selected = claim->metadata.annotations.find("volume.kubernetes.io/selected-node");
    return selected == claim->metadata.annotations.end() ? "" : selected->second;
  }
};

TEST_P(SlowVolumesTest, ItIsSaidWhereAPodThatWaitsForAVolumeWillGo) {
  EXPECT_EQ(NodeOfPod("web"), "");
  ASSERT_NE(SelectedNode(), "");
  EXPECT_EQ(NominatedNode(), SelectedNode());
  for (const char* name : {"node1", "node2", "node3"}) {
    cluster_.Edit<Node>({"", name}, [](Node& it) { it.spec.unschedulable = true; });
  }
  cluster_.RunFor(9min);
  EXPECT_EQ(NominatedNode(), SelectedNode());
  cluster_.RunFor(2min);
  EXPECT_EQ(NominatedNode(), "") << "it was given up";
  EXPECT_EQ(NodeOfPod("web"), "");
}

TEST_P(SlowVolumesTest, NobodyWaitsForTheVolumeOfAPodThatIsGone) {
  cluster_.Delete<Pod>({"default", "web"}, {.grace_period_s = 0}).RunFor(1s);
  AddPod("web", {});
  cluster_.RunFor(5s);
  EXPECT_NE(NodeOfPod("web"), "") << "another one of that name";
}

TEST_P(SlowVolumesTest, AProvisionerThatTakesTheNodeBackIsGivenAnother) {
  const std::string first = SelectedNode();
  cluster_.Edit<Node>({"", first}, [](Node& it) { it.spec.unschedulable = true; });
  cluster_.Edit<PersistentVolumeClaim>({"default", "data"}, [](PersistentVolumeClaim& it) {
    it.metadata.annotations.erase("volume.kubernetes.io/selected-node");
  });
  cluster_.RunFor(30s);
  EXPECT_NE(SelectedNode(), "");
  EXPECT_NE(SelectedNode(), first);
  EXPECT_EQ(NominatedNode(), SelectedNode());
}

TEST_P(SlowVolumesTest, NobodyWaitsForAVolumeOnANodeThatIsGone) {
  const std::string first = SelectedNode();
  cluster_.Delete<Node>({"", first}, {}).RunFor(1s);
  EXPECT_NE(NominatedNode(), first);
}

TEST_P(SlowVolumesTest, AVolumeThatWasMadeElsewhereIsNotWaitedForHere) {
  const std::string here = SelectedNode();
  AddVolume("made", here == "node1" ? "node2" : "node1", "1Gi");
  const auto claim = cluster_.Get<PersistentVolumeClaim>({"default", "data"});
  cluster_.Edit<PersistentVolume>({"", "made"}, [&](PersistentVolume& it) {
    it.spec.storage_class_name = "slow";
    auto& reference = it.spec.claim_ref.emplace();
    reference.namespace_ = "default";
    reference.name = "data";
    reference.uid = claim->metadata.uid;
  });
  cluster_.RunFor(5s);
  EXPECT_EQ(VolumeOf("data"), "made");
  std::string told;
  for (const auto& event : cluster_.List<core_v1::Event>("default")) told += event.message + "\n";
  EXPECT_THAT(told, testing::HasSubstr("binding volumes: pv \"made\" node affinity doesn't match "
                                       "node \"" + here + "\": no matching NodeSelectorTerms"));
  cluster_.RunFor(30s);
  EXPECT_EQ(NodeOfPod("web"), here == "node1" ? "node2" : "node1");
}
INSTANTIATE_TEST_SUITE_P(Orders, SlowVolumesTest, kOrders);

// A volume that is meant for the claim, and nobody who goes on from there.
class UnboundVolumesTest : public DelayedVolumesTest {
 protected:
  UnboundVolumesTest() : DelayedVolumesTest(WithoutBinder()) {
    AddAvailable("there", "node2");
    AddClaim("data", "1Gi");
    AddPod("web", {"data"});
    cluster_.RunFor(10s);
  }
  static TestCluster::Options WithoutBinder() {
    TestCluster::Options options = Options();
    options.controllers.controllers = {"serviceaccount-controller"};
    return options;
  }
  // The binder says so, as a rule.
  void AddAvailable(const std::string& name, const std::string& node) {
    AddVolume(name, node, "1Gi");
    cluster_.Edit<PersistentVolume>({"", name},
                                    [](auto& it) { it.status.phase = "Available"; }, true);
  }
  // Uid of the claim that the volume is meant for.
  std::string MeantFor(const std::string& volume) {
    const auto found = cluster_.Get<PersistentVolume>({"", volume});
    return found->spec.claim_ref ? found->spec.claim_ref->uid : "";
  }
  std::string ToldOfWeb() {
    std::string all;
    for (const auto& event : cluster_.List<core_v1::Event>("default")) all += event.message + "\n";
    return all;
  }
};

TEST_P(UnboundVolumesTest, NobodyWaitsForAVolumeThatIsNoMoreMeantForTheClaim) {
  ASSERT_NE(MeantFor("there"), "");
  cluster_.Edit<PersistentVolume>({"", "there"},
                                  [](PersistentVolume& it) { it.spec.claim_ref.reset(); });
  cluster_.RunFor(30s);
  EXPECT_THAT(
      ToldOfWeb(),
      testing::HasSubstr("running PreBind plugin \"VolumeBinding\": binding volumes: ClaimRef "
                         "got reset for pv \"there\""));
  EXPECT_NE(MeantFor("there"), "") << "it was tried again";
}

TEST_P(UnboundVolumesTest, NobodyWaitsForAVolumeThatIsAnothersOrGone) {
  ASSERT_NE(MeantFor("there"), "");
  AddAvailable("other", "node3");
  cluster_.Edit<PersistentVolume>({"", "there"},
                                  [](PersistentVolume& it) { it.spec.claim_ref->uid = "another"; });
  cluster_.RunFor(30s);
  ASSERT_NE(MeantFor("other"), "");
  cluster_.Edit<PersistentVolume>({"", "other"},
                                  [](PersistentVolume& it) { it.metadata.finalizers.clear(); });
  cluster_.Delete<PersistentVolume>({"", "other"});
  AddAvailable("third", "node1");
  cluster_.RunFor(30s);
  EXPECT_THAT(ToldOfWeb(), testing::HasSubstr("persistentvolumes \"other\" not found"));
  EXPECT_NE(MeantFor("third"), "");
}
INSTANTIATE_TEST_SUITE_P(Orders, UnboundVolumesTest, kOrders);

INSTANTIATE_TEST_SUITE_P(Orders, DelayedVolumesTest, kOrders);

}  // namespace
}  // namespace skiff
