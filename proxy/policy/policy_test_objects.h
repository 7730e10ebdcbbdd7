// A small cluster for tests of policies, as a plan is told of it.
//
//   default: a (app=a, 10.244.0.2), b (app=b, 10.244.0.3) on node-a
//   other (team=x): c (app=a, 10.244.0.4) on node-a, d (app=d, 10.244.1.2) on node-b
//
// Each has also an IPv6 address of the same end, and names its port 8080 "web".
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "proxy/objects_from_yaml.h"
#include "proxy/policy/policy_plan.h"

namespace skiff::netpol {

struct TestPod {
  std::string namespace_, name, app, node, end;
  bool host_network = false;
  std::string phase = "Running";
};

inline std::shared_ptr<core_v1::Pod> MakePod(const TestPod& test) {
  auto pod = std::make_shared<core_v1::Pod>();
  pod->metadata.namespace_ = test.namespace_;
  pod->metadata.name = test.name;
  pod->metadata.labels["app"] = test.app;
  pod->spec.node_name = test.node;
  pod->spec.host_network = test.host_network;
  pod->status.phase = test.phase;
  auto& port = pod->spec.containers.emplace_back().ports.emplace_back();
  port.name = "web";
  port.container_port = 8080;
  if (test.end.empty()) return pod;
  pod->status.pod_ip = "10.244." + test.end;
  pod->status.pod_ips.emplace_back().ip = pod->status.pod_ip;
  pod->status.pod_ips.emplace_back().ip = "fd00:244::" + test.end.substr(test.end.rfind('.') + 1);
  if (test.end.starts_with("1.")) pod->status.pod_ips[1].ip = "fd00:244:1::2";
  return pod;
}

inline const TestPod kA = {"default", "a", "a", "node-a", "0.2"};
inline const TestPod kB = {"default", "b", "b", "node-a", "0.3"};
inline const TestPod kC = {"other", "c", "a", "node-a", "0.4"};
inline const TestPod kD = {"other", "d", "d", "node-b", "1.2"};

class TestPlan {
 public:
  TestPlan() {
    plan.SetNode("node-a", {"10.244.0.0/24", "fd00:244::/64"});
    plan.SetNode("node-b", {"10.244.1.0/24", "fd00:244:1::/64"});
    SetNamespace("default", {});
    SetNamespace("other", {{"team", "x"}});
    for (const TestPod& pod : {kA, kB, kC, kD}) SetPod(pod);
  }
  void SetNamespace(const std::string& name, Labels labels) {
    labels["kubernetes.io/metadata.name"] = name;
    plan.SetNamespace(name, &labels);
  }
  void SetPod(const TestPod& pod) {
    const auto made = MakePod(pod);
    plan.SetPod(KeyOf(*made), made.get());
  }
  void RemovePod(const TestPod& pod) { plan.SetPod({pod.namespace_, pod.name}, nullptr); }
  // `spec` in YAML's flow form; "": the policy goes.
  void SetPolicy(const std::string& name, const std::string& spec,
                 const std::string& namespace_ = "default") {
    const ObjectKey key{namespace_, name};
    if (spec.empty()) {
      EXPECT_TRUE(plan.SetPolicy(key, nullptr));
      return;
    }
    const auto policy = FromYaml<networking_v1::NetworkPolicy>(
        "{metadata: {name: " + name + ", namespace: " + namespace_ + "}, spec: " + spec + "}");
    const auto set = plan.SetPolicy(key, policy.get());
    EXPECT_TRUE(set) << set.error().message;
  }
  NftTable& table() { return plan.table(); }

  PolicyPlan plan{"node-a"};
};

}  // namespace skiff::netpol
