// The controllers on the real server and store: what the world looks like after they had their way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/gen/apps_v1.h"
#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/networking_v1.h"
#include "api/gen/policy_v1.h"
#include "api/gen/scheduling_v1.h"
#include "api/gen/storage_v1.h"
#include "controllers/workloads/pod_control.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using apps_v1::Deployment;
using apps_v1::ReplicaSet;
using core_v1::ConfigMap;
using core_v1::Endpoints;
using core_v1::Namespace;
using core_v1::Node;
using core_v1::Pod;
using core_v1::ReplicationController;
using core_v1::Service;
using core_v1::ServiceAccount;
using discovery_v1::EndpointSlice;
using scheduling_v1::PriorityClass;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

ReplicaSet ReplicaSetOf(const std::string& name, int replicas) {
  ReplicaSet set;
  set.metadata.name = name;
  set.metadata.namespace_ = "default";
  set.spec.replicas = replicas;
  set.spec.selector.Ensure().match_labels["app"] = name;
  FillTemplate(set.spec.template_, name, "image:1");
  return set;
}

INSTANTIATE_TEST_SUITE_P(Seeds, ControllersTest, kOrders);

TEST_P(ControllersTest, AReplicaSetHasAsManyPodsAsItAsksFor) {
  cluster_.Apply(ReplicaSetOf("web", 3)).RunFor(1s);
  EXPECT_THAT(cluster_.List<Pod>(), SizeIs(3));
  auto set = cluster_.Get<ReplicaSet>({"default", "web"});
  EXPECT_EQ(set->status.replicas, 3);
  EXPECT_EQ(set->status.ready_replicas, 3);
  EXPECT_EQ(set->status.observed_generation, set->metadata.generation);

  cluster_.Edit<ReplicaSet>({"default", "web"}, [](ReplicaSet& it) { it.spec.replicas = 25; });
  cluster_.RunFor(1s);
  EXPECT_EQ(PodCount(), 25u);
  cluster_.Edit<ReplicaSet>({"default", "web"}, [](ReplicaSet& it) { it.spec.replicas = 1; });
  cluster_.RunFor(1s);
  EXPECT_EQ(PodCount(), 1u);
  EXPECT_EQ(cluster_.Get<ReplicaSet>({"default", "web"})->status.replicas, 1);
}

TEST_P(ControllersTest, APodThatIsDeletedIsReplaced) {
  cluster_.Apply(ReplicaSetOf("web", 2)).RunFor(1s);
  const Pod victim = cluster_.List<Pod>()[0];
  cluster_.Delete<Pod>(KeyOf(victim)).RunFor(1s);
  const auto pods = cluster_.List<Pod>();
  EXPECT_THAT(pods, SizeIs(2));
  for (const Pod& pod : pods) EXPECT_NE(pod.metadata.uid, victim.metadata.uid);
}

TEST_P(ControllersTest, AReplicaSetAdoptsAndReleasesByLabels) {
  Pod stray;
  stray.metadata.name = "stray";
  stray.metadata.namespace_ = "default";
  core_v1::PodTemplateSpec pod_template;
  FillTemplate(pod_template, "web", "image:1");
  stray.metadata.labels = pod_template.metadata.labels;
  stray.spec = pod_template.spec;
  cluster_.Apply(stray).RunFor(1s);
  cluster_.Apply(ReplicaSetOf("web", 2)).RunFor(1s);
  EXPECT_EQ(PodCount(), 2u) << "the stray pod counts";
  const auto adopted = cluster_.Get<Pod>({"default", "stray"});
  ASSERT_NE(ControllerOf(adopted->metadata), nullptr);
  EXPECT_EQ(ControllerOf(adopted->metadata)->name, "web");
  cluster_.Edit<Pod>({"default", "stray"}, [](Pod& it) { it.metadata.labels["app"] = "other"; });
  cluster_.RunFor(1s);
  EXPECT_EQ(PodCount(), 3u);
  EXPECT_EQ(ControllerOf(cluster_.Get<Pod>({"default", "stray"})->metadata), nullptr);
}

TEST_P(ControllersTest, AReplicationControllerWorksAlike) {
  ReplicationController controller;
  controller.metadata.name = "nautilus";
  controller.metadata.namespace_ = "default";
  controller.spec.replicas = 4;
  controller.spec.selector["app"] = "nautilus";
  FillTemplate(controller.spec.template_.Ensure(), "nautilus", "image:1");
  cluster_.Apply(controller).RunFor(1s);
  EXPECT_EQ(PodCount(), 4u);
  EXPECT_EQ(cluster_.Get<ReplicationController>({"default", "nautilus"})->status.ready_replicas, 4);
  cluster_.Delete<ReplicationController>({"default", "nautilus"}, {.propagation = "Background"})
      .RunFor(1min);
  EXPECT_EQ(PodCount(), 0u) << "the garbage collector takes them";
}

TEST_P(ControllersTest, ADeploymentRollsWithinItsBounds) {
  cluster_.Apply(DeploymentOf("web", 4)).RunFor(1min);
  auto deployment = cluster_.Get<Deployment>({"default", "web"});
  EXPECT_EQ(deployment->status.available_replicas, 4);
  EXPECT_EQ(deployment->metadata.annotations.at("deployment.kubernetes.io/revision"), "1");
  cluster_.Edit<Deployment>({"default", "web"}, [](Deployment& it) {
    it.spec.template_.spec.containers[0].image = "image:2";
  });
  for (int step = 0; step < 100'000 && cluster_.executor().RunOne(); ++step) {
    int size = 0;
    int available = 0;
    for (const auto& set : cluster_.List<ReplicaSet>()) {
      size += set.spec.replicas.value_or(0);
      available += set.status.available_replicas;
    }
    ASSERT_LE(size, 5) << "more than maxSurge 25% above 4";
    ASSERT_GE(available, 3) << "more than maxUnavailable 25% of 4 below";
  }
  cluster_.RunFor(1min);
  deployment = cluster_.Get<Deployment>({"default", "web"});
  EXPECT_EQ(deployment->status.updated_replicas, 4);
  EXPECT_EQ(deployment->status.replicas, 4);
  EXPECT_EQ(deployment->metadata.annotations.at("deployment.kubernetes.io/revision"), "2");
  for (const Pod& pod : cluster_.List<Pod>()) EXPECT_EQ(pod.spec.containers[0].image, "image:2");
  EXPECT_THAT(cluster_.List<ReplicaSet>(), SizeIs(2)) << "the old one stays for undo";
}

TEST_P(ControllersTest, UndoingARolloutTakesTheOldSetAgain) {
  cluster_.Apply(DeploymentOf("web", 2)).RunFor(1min);
  const auto set_image = [&](const std::string& image) {
    cluster_.Edit<Deployment>({"default", "web"}, [&](Deployment& it) {
      it.spec.template_.spec.containers[0].image = image;
    });
    cluster_.RunFor(1min);
  };
  set_image("image:2");
  set_image("image:1");
  EXPECT_THAT(cluster_.List<ReplicaSet>(), SizeIs(2));
  const auto deployment = cluster_.Get<Deployment>({"default", "web"});
  EXPECT_EQ(deployment->metadata.annotations.at("deployment.kubernetes.io/revision"), "3");
  EXPECT_EQ(deployment->status.updated_replicas, 2);
}

TEST_P(ControllersTest, ARecreateDeploymentNeverRunsTwoVersions) {
  Deployment wanted = DeploymentOf("web", 3);
  wanted.spec.strategy.type = "Recreate";
  cluster_.Apply(wanted).RunFor(1min);
  cluster_.Edit<Deployment>({"default", "web"}, [](Deployment& it) {
    it.spec.template_.spec.containers[0].image = "image:2";
  });
  for (int step = 0; step < 100'000 && cluster_.executor().RunOne(); ++step) {
    std::set<std::string> images;
    for (const Pod& pod : cluster_.List<Pod>()) images.insert(pod.spec.containers[0].image);
    ASSERT_LE(images.size(), 1u);
  }
  cluster_.RunFor(1min);
  EXPECT_EQ(cluster_.Get<Deployment>({"default", "web"})->status.updated_replicas, 3);
}

TEST_P(ControllersTest, APausedDeploymentScalesButDoesNotRoll) {
  cluster_.Apply(DeploymentOf("web", 2)).RunFor(1min);
  cluster_.Edit<Deployment>({"default", "web"}, [](Deployment& it) {
    it.spec.paused = true;
    it.spec.replicas = 5;
    it.spec.template_.spec.containers[0].image = "image:2";
  });
  cluster_.RunFor(1min);
  EXPECT_THAT(cluster_.List<ReplicaSet>(), SizeIs(1));
  EXPECT_EQ(PodCount(), 5u);
  cluster_.Edit<Deployment>({"default", "web"}, [](Deployment& it) { it.spec.paused = false; });
  cluster_.RunFor(1min);
  EXPECT_EQ(cluster_.Get<Deployment>({"default", "web"})->status.updated_replicas, 5);
}

TEST_P(ControllersTest, DeletingADeploymentTakesEverythingBelow) {
  cluster_.Apply(DeploymentOf("web", 3)).RunFor(1min);
  cluster_.Delete<Deployment>({"default", "web"}, {.propagation = "Background"}).RunFor(1min);
  EXPECT_THAT(cluster_.List<ReplicaSet>(), IsEmpty());
  EXPECT_THAT(cluster_.List<Pod>(), IsEmpty());
}

TEST_P(ControllersTest, ForegroundDeletionKeepsTheOwnerUntilItsDependentsAreGone) {
  cluster_.Apply(DeploymentOf("web", 3)).RunFor(1min);
  cluster_.Delete<Deployment>({"default", "web"}, {.propagation = "Foreground"});
  for (int step = 0; step < 100'000 && cluster_.executor().RunOne(); ++step) {
    if (!cluster_.List<Pod>().empty()) {
      ASSERT_NE(cluster_.Get<Deployment>({"default", "web"}), nullptr);
    }
  }
  cluster_.RunFor(1min);
  EXPECT_EQ(cluster_.Get<Deployment>({"default", "web"}), nullptr);
  EXPECT_THAT(cluster_.List<Pod>(), IsEmpty());
}

TEST_P(ControllersTest, OrphanedDependentsStay) {
  cluster_.Apply(ReplicaSetOf("web", 3)).RunFor(1min);
  cluster_.Delete<ReplicaSet>({"default", "web"}, {.propagation = "Orphan"}).RunFor(1min);
  EXPECT_EQ(cluster_.Get<ReplicaSet>({"default", "web"}), nullptr);
  const auto pods = cluster_.List<Pod>();
  EXPECT_THAT(pods, SizeIs(3));
  for (const Pod& pod : pods) EXPECT_THAT(pod.metadata.owner_references, IsEmpty());
}

TEST_P(ControllersTest, ADependentOfAnOwnerThatNeverWasIsCollected) {
  ConfigMap orphan;
  orphan.metadata.name = "orphan";
  orphan.metadata.namespace_ = "default";
  auto& reference = orphan.metadata.owner_references.emplace_back();
  reference.api_version = "apps/v1";
  reference.kind = "Deployment";
  reference.name = "ghost";
  reference.uid = "6f5e2a9c-0000-4000-8000-000000000000";
  cluster_.Apply(orphan).RunFor(1min);
  EXPECT_EQ(cluster_.Get<ConfigMap>({"default", "orphan"}), nullptr);
}

TEST_P(ControllersTest, WhatIsInNoNamespaceOutlivesAnOwnerThatIsInOne) {
  ConfigMap owner;
  owner.metadata.name = "owner";
  owner.metadata.namespace_ = "default";
  cluster_.Apply(owner).RunFor(1s);
  PriorityClass dependent;
  dependent.metadata.name = "dependent";
  dependent.value = 1;
  auto& reference = dependent.metadata.owner_references.emplace_back();
  reference.api_version = "v1";
  reference.kind = "ConfigMap";
  reference.name = "owner";
  reference.uid = cluster_.Get<ConfigMap>({"default", "owner"})->metadata.uid;
  cluster_.Apply(dependent).RunFor(10s);
  cluster_.Delete<ConfigMap>({"default", "owner"}).RunFor(1min);
  EXPECT_NE(cluster_.Get<PriorityClass>({"", "dependent"}), nullptr);
  const auto told = cluster_.List<core_v1::Event>("default");
  EXPECT_THAT(told, Contains(Field(&core_v1::Event::reason, "OwnerRefInvalidNamespace")));
}

TEST_P(ControllersTest, EndpointsFollowTheReadyPods) {
  Service service;
  service.metadata.name = "web";
  service.metadata.namespace_ = "default";
  service.spec.selector["app"] = "web";
  service.spec.ports.emplace_back().port = 80;
  cluster_.Apply(service).Apply(ReplicaSetOf("web", 3)).RunFor(1min);
  const auto slices = cluster_.List<EndpointSlice>("default");
  const auto addresses = [&] {
    std::set<std::string> found;
    for (const EndpointSlice& slice : cluster_.List<EndpointSlice>("default")) {
      if (slice.metadata.labels.at("kubernetes.io/service-name") != "web") continue;
      for (const auto& endpoint : slice.endpoints) {
        if (endpoint.conditions.ready.value_or(false)) found.insert(endpoint.addresses[0]);
      }
    }
    return found;
  };
  const auto ready = [&] {
    std::set<std::string> found;
    for (const Pod& pod : cluster_.List<Pod>("default")) found.insert(pod.status.pod_ip);
    return found;
  };
  EXPECT_THAT(addresses(), SizeIs(3));
  EXPECT_EQ(addresses(), ready());
  auto endpoints = cluster_.Get<Endpoints>({"default", "web"});
  ASSERT_NE(endpoints, nullptr);
  // They say when that happened which they tell of: the last pod became ready.
  const auto cause = [](const auto& object) {
    return object.metadata.annotations.at("endpoints.kubernetes.io/last-change-trigger-time");
  };
  std::string last;
  for (const Pod& pod : cluster_.List<Pod>("default")) {
    last = std::max(last, FindCondition(pod, "Ready")->last_transition_time.Rfc3339());
  }
  EXPECT_LE(cause(*endpoints), last);
  EXPECT_LE(cause(slices[0]), last);
  ASSERT_THAT(endpoints->subsets, SizeIs(1));
  EXPECT_THAT(endpoints->subsets[0].addresses, SizeIs(3));
  cluster_.Edit<ReplicaSet>({"default", "web"}, [](ReplicaSet& it) { it.spec.replicas = 1; });
  cluster_.RunFor(1min);
  EXPECT_EQ(addresses(), ready());
  cluster_.Delete<Service>({"default", "web"}).RunFor(1min);
  EXPECT_THAT(addresses(), IsEmpty());
  EXPECT_EQ(cluster_.Get<Endpoints>({"default", "web"}), nullptr);
}

TEST_P(ControllersTest, ANamespaceIsEmptiedAndGoes) {
  Namespace space;
  space.metadata.name = "work";
  cluster_.Apply(space).RunFor(1min);
  EXPECT_NE(cluster_.Get<ServiceAccount>({"work", "default"}), nullptr);
  const auto ca = cluster_.Get<ConfigMap>({"work", "kube-root-ca.crt"});
  ASSERT_NE(ca, nullptr);
  EXPECT_EQ(ca->data.at("ca.crt"), "CA");
  Deployment deployment = DeploymentOf("web", 2);
  deployment.metadata.namespace_ = "work";
  cluster_.Apply(deployment).RunFor(1min);
  cluster_.Delete<Namespace>({"", "work"}).RunFor(2min);
  EXPECT_EQ(cluster_.Get<Namespace>({"", "work"}), nullptr);
  EXPECT_THAT(cluster_.List<Pod>("work"), IsEmpty());
  EXPECT_THAT(cluster_.List<ConfigMap>("work"), IsEmpty());
}

TEST_P(ControllersTest, TheDefaultServiceAccountComesBack) {
  ASSERT_NE(cluster_.Get<ServiceAccount>({"default", "default"}), nullptr);
  cluster_.Delete<ServiceAccount>({"default", "default"}).RunFor(1s);
  EXPECT_NE(cluster_.Get<ServiceAccount>({"default", "default"}), nullptr);
}

TEST_P(ControllersTest, PodsLeaveANodeThatFallsSilent) {
  cluster_.Apply(NodeOf("node2"));
  cluster_.Edit<Node>(
      {"", "node2"}, [](Node& it) { it.status = NodeOf("node2").status; }, true);
  cluster_.Apply(ReplicaSetOf("web", 1)).RunFor(1s);
  const std::string before = cluster_.List<Pod>()[0].metadata.uid;
  silent_.insert("node1");
  cluster_.RunFor(70s);
  const auto node = cluster_.Get<Node>({"", "node1"});
  EXPECT_EQ(node->status.conditions[0].status, "Unknown");
  EXPECT_EQ(node->status.conditions[0].reason, "NodeStatusUnknown");
  std::set<std::string> taints;
  for (const auto& taint : node->spec.taints) taints.insert(taint.key + ":" + taint.effect);
  EXPECT_TRUE(taints.contains("node.kubernetes.io/unreachable:NoSchedule"));
  EXPECT_TRUE(taints.contains("node.kubernetes.io/unreachable:NoExecute"));
  cluster_.RunFor(320s);  // The default toleration is 300 s.
  for (const Pod& pod : cluster_.List<Pod>()) EXPECT_NE(pod.metadata.uid, before);
}

TEST_P(ControllersTest, APodIsMarkedOnceOnANodeThatIsNotReady) {
  cluster_.Apply(ReplicaSetOf("web", 1)).RunFor(1s);
  silent_.insert("node1");
  cluster_.RunFor(70s);
  const Pod marked = cluster_.List<Pod>()[0];
  EXPECT_FALSE(IsReady(marked));
  // Its kubelet lives all the same, and knows better.
  cluster_.Edit<Pod>(
      KeyOf(marked),
      [](Pod& it) {
        for (auto& condition : it.status.conditions) {
          if (condition.type == "Ready") condition.status = "True";
        }
      },
      true);
  cluster_.RunFor(10s);
  EXPECT_TRUE(IsReady(cluster_.List<Pod>()[0]));
}

TEST_P(ControllersTest, PodsOfANodeThatIsGoneGo) {
  cluster_.Apply(ReplicaSetOf("web", 1)).RunFor(1s);
  const std::string before = cluster_.List<Pod>()[0].metadata.uid;
  cluster_.Delete<Node>({"", "node1"}).RunFor(3min);
  for (const Pod& pod : cluster_.List<Pod>()) EXPECT_NE(pod.metadata.uid, before);
}

TEST_P(ControllersTest, ADaemonSetRunsOnEveryNode) {
  apps_v1::DaemonSet set;
  set.metadata.name = "agent";
  set.metadata.namespace_ = "default";
  set.spec.selector.Ensure().match_labels["app"] = "agent";
  FillTemplate(set.spec.template_, "agent", "image:1");
  cluster_.Apply(set).RunFor(1min);
  EXPECT_EQ(PodCount(), 1u);
  auto stored = cluster_.Get<apps_v1::DaemonSet>({"default", "agent"});
  EXPECT_EQ(stored->status.desired_number_scheduled, 1);
  EXPECT_EQ(stored->status.number_available, 1);
  cluster_.Edit<apps_v1::DaemonSet>({"default", "agent"}, [](apps_v1::DaemonSet& it) {
    it.spec.template_.spec.containers[0].image = "image:2";
  });
  cluster_.RunFor(1min);
  const auto pods = cluster_.List<Pod>("default");
  ASSERT_THAT(pods, SizeIs(1));
  EXPECT_EQ(pods[0].spec.containers[0].image, "image:2");
  stored = cluster_.Get<apps_v1::DaemonSet>({"default", "agent"});
  EXPECT_EQ(stored->status.updated_number_scheduled, 1);
  EXPECT_THAT(cluster_.List<apps_v1::ControllerRevision>("default"), SizeIs(2));
}

TEST_P(ControllersTest, ABudgetSaysHowManyPodsMayGo) {
  policy_v1::PodDisruptionBudget budget;
  budget.metadata.name = "web";
  budget.metadata.namespace_ = "default";
  budget.spec.max_unavailable = 1;
  budget.spec.selector.Ensure().match_labels["app"] = "web";
  cluster_.Apply(budget).Apply(DeploymentOf("web", 3)).RunFor(1min);
  const auto stored = cluster_.Get<policy_v1::PodDisruptionBudget>({"default", "web"});
  EXPECT_EQ(stored->status.expected_pods, 3);
  EXPECT_EQ(stored->status.current_healthy, 3);
  EXPECT_EQ(stored->status.disruptions_allowed, 1);
}

TEST_P(ControllersTest, AnIdleClusterSleeps) {
  cluster_.Apply(DeploymentOf("web", 3)).RunFor(10min);
  int steps = 0;
  const Duration end = cluster_.clock().Monotonic() + 10min;
  while (true) {
    while (cluster_.executor().RunOne()) ++steps;
    const Duration next = cluster_.executor().NextDue();
    if (next > end) break;
    cluster_.clock().Advance(next - cluster_.clock().Monotonic());
  }
  // Watches end and begin anew, bookmarks come; nothing polls.
  EXPECT_LT(steps, 10 * 60 * 10);
}

TEST_P(ControllersTest, AnAttributesClassThatNobodyUsesCanBeDeleted) {
  storage_v1::VolumeAttributesClass gold;
  gold.metadata.name = "gold";
  gold.driver_name = "example.com";
  gold.parameters["iops"] = "500";
  cluster_.Apply(gold).RunFor(1s);
  cluster_.Delete<storage_v1::VolumeAttributesClass>({"", "gold"}).RunFor(1s);
  EXPECT_EQ(cluster_.Get<storage_v1::VolumeAttributesClass>({"", "gold"}), nullptr);
}

TEST_P(ControllersTest, WhatNobodyActsOnSaysSoOnce) {
  networking_v1::NetworkPolicy policy;
  policy.metadata.name = "deny";
  policy.metadata.namespace_ = "default";
  policy.spec.policy_types = {"Ingress"};
  cluster_.Apply(policy).RunFor(1s);
  cluster_.Edit<networking_v1::NetworkPolicy>(
      {"default", "deny"}, [](auto& it) { it.metadata.labels["a"] = "b"; });
  cluster_.RunFor(1s);
  auto events = cluster_.List<core_v1::Event>("default");
  std::erase_if(events, [](const auto& event) { return event.reason != "NotImplemented"; });
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].involved_object.name, "deny");
  EXPECT_EQ(events[0].count, 1);
}

// Endpoints of a Service without selector, as its owner keeps them.
class EndpointMirrorTest : public ControllersTest {
 protected:
  EndpointMirrorTest() {
    Service service;
    service.metadata.name = "db";
    service.metadata.namespace_ = "default";
    service.spec.ports.emplace_back().port = 80;
    service.spec.ports[0].protocol = "TCP";
    cluster_.Apply(service);
    endpoints_.metadata.name = "db";
    endpoints_.metadata.namespace_ = "default";
    auto& subset = endpoints_.subsets.emplace_back();
    subset.addresses.emplace_back().ip = "10.9.0.1";
    subset.ports.emplace_back().port = 5432;
    subset.ports[0].protocol = "TCP";
  }
  std::vector<EndpointSlice> Slices() { return cluster_.List<EndpointSlice>("default"); }

  Endpoints endpoints_;
};
INSTANTIATE_TEST_SUITE_P(Seeds, EndpointMirrorTest, kOrders);

TEST_P(EndpointMirrorTest, EndpointsKeptByHandHaveSlicesAsLongAsTheyAreThere) {
  cluster_.Apply(endpoints_).RunFor(1s);
  auto slices = Slices();
  ASSERT_THAT(slices, SizeIs(1));
  EXPECT_EQ(slices[0].metadata.labels.at("kubernetes.io/service-name"), "db");
  EXPECT_EQ(slices[0].metadata.labels.at("endpointslice.kubernetes.io/managed-by"),
            "endpointslicemirroring-controller.k8s.io");
  EXPECT_EQ(slices[0].metadata.owner_references[0].kind, "Endpoints");
  EXPECT_EQ(slices[0].endpoints[0].addresses[0], "10.9.0.1");
  const std::string name = slices[0].metadata.name;
  const std::string version = slices[0].metadata.resource_version;

  cluster_.RunFor(1min);
  EXPECT_EQ(Slices()[0].metadata.resource_version, version) << "nothing was to be written";

  endpoints_.subsets[0].addresses[0].ip = "10.9.0.2";
  endpoints_.metadata.labels["team"] = "a";
  cluster_.Apply(endpoints_).RunFor(1s);
  slices = Slices();
  ASSERT_THAT(slices, SizeIs(1));
  EXPECT_EQ(slices[0].metadata.name, name);
  EXPECT_EQ(slices[0].metadata.labels.at("team"), "a");
  EXPECT_EQ(slices[0].endpoints[0].addresses[0], "10.9.0.2");

  cluster_.Delete<EndpointSlice>({"default", name}).RunFor(1s);
  EXPECT_THAT(Slices(), SizeIs(1)) << "made again";
  cluster_.Delete<Endpoints>({"default", "db"}).RunFor(1s);
  EXPECT_THAT(Slices(), IsEmpty());
}

TEST_P(EndpointMirrorTest, ALabelASelectorOrNoServiceTakesTheSlicesAway) {
  cluster_.Apply(endpoints_).RunFor(1s);
  ASSERT_THAT(Slices(), SizeIs(1));
  endpoints_.metadata.labels["endpointslice.kubernetes.io/skip-mirror"] = "true";
  cluster_.Apply(endpoints_).RunFor(1s);
  EXPECT_THAT(Slices(), IsEmpty());
  endpoints_.metadata.labels.clear();
  cluster_.Apply(endpoints_).RunFor(1s);
  EXPECT_THAT(Slices(), SizeIs(1));

  cluster_.Edit<Service>({"default", "db"},
                         [](Service& it) { it.spec.selector["app"] = "nobody"; });
  cluster_.RunFor(2s);
  for (const EndpointSlice& slice : Slices()) {
    EXPECT_EQ(slice.metadata.labels.at("endpointslice.kubernetes.io/managed-by"),
              "endpointslice-controller.k8s.io");
  }
}

TEST_P(EndpointMirrorTest, AServiceThatGoesTakesEndpointsAndSlicesAlong) {
  cluster_.Apply(endpoints_).RunFor(1s);
  cluster_.Delete<Service>({"default", "db"}).RunFor(5s);
  EXPECT_EQ(cluster_.Get<Endpoints>({"default", "db"}), nullptr);
  EXPECT_THAT(Slices(), IsEmpty());
}

}  // namespace
}  // namespace skiff
