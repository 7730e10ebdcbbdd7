#include "kubelet/pod_admission.h"

#include <gtest/gtest.h>

#include <functional>

#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

using core_v1::Node;
using core_v1::Pod;

Quantity Amount(const char* text) {
  return *Quantity::Parse(text);
}

Pod PodOf(const char* cpu, const char* memory) {
  Pod pod;
  pod.metadata.name = "web";
  pod.spec.node_name = "node-1";
  auto& container = pod.spec.containers.emplace_back();
  container.name = "c";
  container.resources.requests["cpu"] = Amount(cpu);
  container.resources.requests["memory"] = Amount(memory);
  return pod;
}

struct World {
  Pod pod = PodOf("100m", "64Mi");
  Node node;
  std::vector<std::shared_ptr<const Pod>> others;
  NodeAbilities abilities;

  World() {
    node.metadata.name = "node-1";
    node.metadata.labels["kubernetes.io/os"] = "linux";
    node.status.allocatable = {{"cpu", Amount("1")},
                               {"memory", Amount("1Gi")},
                               {"ephemeral-storage", Amount("10Gi")},
                               {"pods", Amount("3")},
                               {"example.com/known", Amount("1")}};
    others.push_back(std::make_shared<const Pod>(PodOf("500m", "512Mi")));
  }
  core_v1::Container& container() { return pod.spec.containers.front(); }
  std::string Refusal() const {
    const auto refusal = RefusePod({pod, node, others, abilities});
    return refusal ? refusal->reason + ": " + refusal->message : "";
  }
};

struct Case {
  const char* what;
  std::function<void(World&)> change;
  const char* refusal;  // "": it is taken.
};

void UsePort(Pod& pod, int32_t port, const char* ip = "", const char* protocol = "TCP") {
  auto& made = pod.spec.containers.front().ports.emplace_back();
  made.container_port = made.host_port = port;
  made.host_ip = ip;
  made.protocol = protocol;
}

void OtherUsesPort(World& world, int32_t port, const char* ip = "") {
  Pod other = PodOf("1m", "1Mi");
  UsePort(other, port, ip);
  world.others.push_back(std::make_shared<const Pod>(other));
}

core_v1::Taint TaintOf(const char* key, const char* effect) {
  core_v1::Taint taint;
  taint.key = key;
  taint.effect = effect;
  return taint;
}

const std::vector<Case>& Resources() {
  static const std::vector<Case> kCases = {
      {"fits", [](World&) {}, ""},
      {"fits to the last bit",
       [](World& it) { it.container().resources.requests["cpu"] = Amount("500m"); }, ""},
      {"cpu", [](World& it) { it.container().resources.requests["cpu"] = Amount("501m"); },
       "OutOfcpu: Node didn't have enough resource: cpu, requested: 501, used: 500, capacity: "
       "1000"},
      {"memory", [](World& it) { it.container().resources.requests["memory"] = Amount("1Gi"); },
       "OutOfmemory: Node didn't have enough resource: memory, requested: 1073741824, used: "
       "536870912, capacity: 1073741824"},
      {"disk",
       [](World& it) { it.container().resources.requests["ephemeral-storage"] = Amount("11Gi"); },
       "OutOfephemeral-storage: Node didn't have enough resource: ephemeral-storage, requested: "
       "11811160064, used: 0, capacity: 10737418240"},
      {"pods",
       [](World& it) { it.others.assign(3, std::make_shared<const Pod>(PodOf("1m", "1Mi"))); },
       "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"},
      {"huge pages",
       [](World& it) { it.container().resources.requests["hugepages-2Mi"] = Amount("4Mi"); },
       "OutOfhugepages-2Mi: Node didn't have enough resource: hugepages-2Mi, requested: 4194304, "
       "used: 0, capacity: 0"},
      {"an extended resource",
       [](World& it) { it.container().resources.requests["example.com/known"] = Amount("2"); },
       "OutOfexample.com/known: Node didn't have enough resource: example.com/known, requested: 2, "
       "used: 0, capacity: 1"},
      {"an extended resource that the cluster gives",
       [](World& it) { it.container().resources.requests["example.com/other"] = Amount("2"); }, ""},
      {"a critical pod is taken all the same",
       [](World& it) {
         it.container().resources.requests["cpu"] = Amount("501m");
         it.pod.spec.priority = 2'000'000'000;
       },
       ""}};
  return kCases;
}

const std::vector<Case>& Places() {
  static const std::vector<Case> kCases = {
      {"node selector", [](World& it) { it.pod.spec.node_selector["disk"] = "ssd"; },
       "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node "
       "affinity/selector"},
      {"node name", [](World& it) { it.pod.spec.node_name = "node-2"; },
       "NodeName: Predicate NodeName failed: node(s) didn't match the requested node name"},
      {"host port",
       [](World& it) {
         UsePort(it.pod, 80);
         OtherUsesPort(it, 80);
       },
       "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested "
       "pod ports"},
      {"host port of another address",
       [](World& it) {
         UsePort(it.pod, 80, "10.0.0.1");
         OtherUsesPort(it, 80, "10.0.0.2");
       },
       ""},
      {"host port of another protocol",
       [](World& it) {
         UsePort(it.pod, 80, "", "UDP");
         OtherUsesPort(it, 80);
       },
       ""},
      {"taint", [](World& it) { it.node.spec.taints = {TaintOf("gone", "NoExecute")}; },
       "TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't "
       "tolerate"},
      {"taint that keeps only new pods away",
       [](World& it) { it.node.spec.taints = {TaintOf("full", "NoSchedule")}; }, ""},
      {"taint of a static pod",
       [](World& it) {
         it.node.spec.taints = {TaintOf("gone", "NoExecute")};
         it.pod.metadata.annotations[kConfigSource] = "file";
       },
       ""},
      {"taint of a pod that calls itself static",
       [](World& it) {
         it.node.spec.taints = {TaintOf("gone", "NoExecute")};
         it.pod.metadata.annotations[kConfigSource] = "file";
         it.pod.metadata.resource_version = "7";
       },
       "TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't "
       "tolerate"},
      {"operating system", [](World& it) { it.pod.spec.os.Ensure().name = "windows"; },
       "PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS"},
      {"label of an operating system",
       [](World& it) { it.pod.metadata.labels["kubernetes.io/os"] = "windows"; },
       "PodOSSelectorNodeLabelDoesNotMatch: Failed to admit pod as the `kubernetes.io/os` label "
       "doesn't match node label"}};
  return kCases;
}

const std::vector<Case>& Isolation() {
  static const std::vector<Case> kCases = {
      {"sysctl",
       [](World& it) {
         it.pod.spec.security_context.Ensure().sysctls.emplace_back().name = "kernel.msgmax";
       },
       "SysctlForbidden: forbidden sysctl: \"kernel.msgmax\" not allowlisted"},
      {"strict groups",
       [](World& it) {
         it.pod.spec.security_context.Ensure().supplemental_groups_policy = "Strict";
       },
       "SupplementalGroupsPolicyNotSupported: SupplementalGroupsPolicy=Strict is not supported in "
       "this node"},
      {"strict groups of a runtime that knows them",
       [](World& it) {
         it.pod.spec.security_context.Ensure().supplemental_groups_policy = "Strict";
         it.abilities.supplemental_groups_policy = true;
       },
       ""},
      {"AppArmor for the pod",
       [](World& it) {
         it.pod.spec.security_context.Ensure().app_armor_profile.Ensure().type = "RuntimeDefault";
       },
       "AppArmor: Cannot enforce AppArmor: AppArmor is not enabled on the host"},
      {"AppArmor for a container",
       [](World& it) {
         it.container().security_context.Ensure().app_armor_profile.Ensure().type = "Localhost";
       },
       "AppArmor: Cannot enforce AppArmor: AppArmor is not enabled on the host"},
      {"AppArmor by annotation",
       [](World& it) {
         it.pod.metadata.annotations["container.apparmor.security.beta.kubernetes.io/c"] =
             "runtime/default";
       },
       "AppArmor: Cannot enforce AppArmor: AppArmor is not enabled on the host"},
      {"no AppArmor, expressly",
       [](World& it) {
         it.container().security_context.Ensure().app_armor_profile.Ensure().type = "Unconfined";
         it.pod.metadata.annotations["container.apparmor.security.beta.kubernetes.io/c"] =
             "unconfined";
       },
       ""},
      {"AppArmor where it is",
       [](World& it) {
         it.container().security_context.Ensure().app_armor_profile.Ensure().type = "Localhost";
         it.abilities.app_armor = true;
       },
       ""}};
  return kCases;
}

void Check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    World world;
    each.change(world);
    EXPECT_EQ(world.Refusal(), each.refusal) << each.what;
  }
}

TEST(PodAdmissionTest, APodThatTheNodeHasNoRoomForIsRefused) {
  Check(Resources());
}

TEST(PodAdmissionTest, APodThatDoesNotBelongHereIsRefused) {
  Check(Places());
}

TEST(PodAdmissionTest, APodIsNotRunWithoutTheIsolationThatItAsksFor) {
  Check(Isolation());
}

TEST(PodAdmissionTest, WhatIsReadOfTheNodeMayHaveChangedMeanwhile) {
  for (const char* reason : {"NodeAffinity", "TaintToleration", "OutOfcpu", "OutOfpods"}) {
    EXPECT_TRUE(DependsOnNode({reason, ""})) << reason;
  }
  for (const char* reason : {"NodePorts", "NodeName", "SysctlForbidden", "AppArmor"}) {
    EXPECT_FALSE(DependsOnNode({reason, ""})) << reason;
  }
}

TEST(PodAdmissionTest, AContainersAppArmorProfileIsTheNearest) {
  World world;
  EXPECT_FALSE(AppArmorProfileOf(world.pod, world.container()));
  world.pod.spec.security_context.Ensure().app_armor_profile.Ensure().type = "RuntimeDefault";
  EXPECT_EQ(AppArmorProfileOf(world.pod, world.container())->type, "RuntimeDefault");
  world.pod.metadata.annotations["container.apparmor.security.beta.kubernetes.io/c"] =
      "localhost/of-annotation";
  EXPECT_EQ(AppArmorProfileOf(world.pod, world.container())->localhost_profile, "of-annotation");
  auto& own = world.container().security_context.Ensure().app_armor_profile.Ensure();
  own.type = "Unconfined";
  EXPECT_EQ(AppArmorProfileOf(world.pod, world.container())->type, "Unconfined");
}

TEST(PodAdmissionTest, SumsBeyondWhatNumbersHoldLeaveNoRoom) {
  World world;
  for (int i = 0; i < 2; ++i) {
    world.others.push_back(std::make_shared<const Pod>(PodOf("1m", "8Ei")));
  }
  world.node.status.allocatable["pods"] = Amount("10");
  EXPECT_TRUE(world.Refusal().starts_with("OutOfmemory: ")) << world.Refusal();
  world.others.clear();
  auto& second = world.pod.spec.containers.emplace_back();
  second.name = "d";
  for (auto& container : world.pod.spec.containers) {
    container.resources.requests["memory"] = Amount("8Ei");
  }
  EXPECT_TRUE(world.Refusal().starts_with("OutOfmemory: ")) << world.Refusal();
}

}  // namespace
}  // namespace skiff::kubelet
