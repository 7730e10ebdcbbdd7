// Pods with ResourceClaims on the real server, under the scheduler and the controller that makes
// and frees claims; the test plays the drivers, who publish devices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/resource_v1.h"
#include "controllers/scheduler/scheduler.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::Event;
using core_v1::Node;
using core_v1::Pod;
using resource_v1::ResourceClaim;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class DeviceSchedulingTest : public testing::TestWithParam<uint64_t> {
 protected:
  DeviceSchedulingTest() : cluster_(Options()) {
    for (const char* name : {"node1", "node2"}) AddNode(name);
    cluster_.Apply(
        "apiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata: {name: gpu}\n"
        "spec: {selectors: [{cel: {expression: \"device.driver == 'gpu.io'\"}}]}\n");
    cluster_.RunFor(1s);
  }
  static TestCluster::Options Options() {
    TestCluster::Options options;
    options.seed = GetParam();
    options.controllers.controllers = {"serviceaccount-controller", "resourceclaim-controller",
                                       "garbage-collector-controller"};
    options.add_parts = [](Manager& manager) { scheduler::AddScheduler(manager); };
    return options;
  }
  void AddNode(const std::string& name) {
    Node node = NodeOf(name);
    cluster_.Apply(node);
    node.status.allocatable["cpu"] = Quantity::FromValue(8);
    node.status.allocatable["pods"] = Quantity::FromValue(110);
    node.status.capacity = node.status.allocatable;
    cluster_.Edit<Node>(
        {"", name}, [&](Node& it) { it.status = node.status; }, true);
    // Admission's taint for nodes that have not reported.
    cluster_.Edit<Node>({"", name}, [](Node& it) { it.spec.taints.clear(); });
  }
  // What a driver publishes for a node: devices gpu-0, gpu-1, ...
  void AddDevices(const std::string& node, int count) {
    resource_v1::ResourceSlice slice;
    slice.metadata.name = node + "-gpus";
    slice.spec.driver = "gpu.io";
    slice.spec.node_name = node;
    slice.spec.pool.name = node;
    slice.spec.pool.generation = 1;
    slice.spec.pool.resource_slice_count = 1;
    for (int i = 0; i < count; ++i) {
      auto& device = slice.spec.devices.emplace_back();
      device.name = "gpu-" + std::to_string(i);
      device.attributes["index"].int_ = i;
    }
    cluster_.Apply(slice);
  }
  static std::string Requests(const std::string& expression) {
    const std::string selectors =
        expression.empty() ? "" : ", selectors: [{cel: {expression: \"" + expression + "\"}}]";
    return "{devices: {requests: [{name: one, exactly: {deviceClassName: gpu" + selectors + "}}]}}";
  }
  void AddClaim(const std::string& name, const std::string& expression = "") {
    cluster_.Apply("apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: " + name +
                   "}\nspec: " + Requests(expression) + "\n");
  }
  void AddTemplate(const std::string& name) {
    cluster_.Apply(
        "apiVersion: resource.k8s.io/v1\nkind: ResourceClaimTemplate\nmetadata: {name: " + name +
        "}\nspec: {spec: " + Requests("") + "}\n");
  }
  // `source`: "resourceClaimName: c" or "resourceClaimTemplateName: t".
  void AddPod(const std::string& name, const std::string& source) {
    cluster_.Apply("apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
                   "}\nspec: {containers: [{name: main, image: 'i:1', resources: {requests: {cpu: "
                   "1}}}], resourceClaims: [{name: gpu, " +
                   source + "}]}\n");
  }
  std::string NodeOfPod(const std::string& name) {
    return cluster_.Get<Pod>({"default", name})->spec.node_name;
  }
  Ptr<ResourceClaim> Claim(const std::string& name) {
    return cluster_.Get<ResourceClaim>({"default", name});
  }
  static std::vector<std::string> Users(const ResourceClaim& claim) {
    std::vector<std::string> users;
    for (const auto& user : claim.status.reserved_for) users.push_back(user.name);
    return users;
  }
  static std::string DeviceOf(const ResourceClaim& claim) {
    if (!claim.status.allocation) return "";
    const auto& result = claim.status.allocation->devices.results.at(0);
    return result.driver + "/" + result.pool + "/" + result.device;
  }
  std::string FailureOf(const std::string& pod) {
    std::string said;
    for (const Event& event : cluster_.List<Event>("default")) {
      if (event.reason == "FailedScheduling" && event.involved_object.name == pod) {
        said = event.message;
      }
    }
    return said;
  }
  void DeletePod(const std::string& name) {
    cluster_.Delete<Pod>({"default", name}, {.grace_period_s = 0});
  }

  TestCluster cluster_;
};
INSTANTIATE_TEST_SUITE_P(Seeds, DeviceSchedulingTest, kOrders);

TEST_P(DeviceSchedulingTest, TwoPodsShareAClaimWhereItsDeviceIs) {
  AddDevices("node2", 1);
  AddClaim("shared");
  AddPod("one", "resourceClaimName: shared");
  AddPod("two", "resourceClaimName: shared");
  cluster_.RunFor(30s);
  EXPECT_EQ(NodeOfPod("one"), "node2");
  EXPECT_EQ(NodeOfPod("two"), "node2");
  const auto claim = Claim("shared");
  EXPECT_EQ(DeviceOf(*claim), "gpu.io/node2/gpu-0");
  EXPECT_THAT(Users(*claim), UnorderedElementsAre("one", "two"));
  EXPECT_THAT(claim->metadata.finalizers, ElementsAre("resource.kubernetes.io/delete-protection"));
  const auto& terms = claim->status.allocation->node_selector->node_selector_terms;
  EXPECT_THAT(terms.at(0).match_fields.at(0).values, ElementsAre("node2"));
}

TEST_P(DeviceSchedulingTest, AClaimOfATemplateIsAllocatedAndGoesWithItsPod) {
  AddDevices("node1", 1);
  AddTemplate("gpus");
  AddPod("web", "resourceClaimTemplateName: gpus");
  cluster_.RunFor(10s);
  EXPECT_EQ(NodeOfPod("web"), "node1");
  const auto claims = cluster_.List<ResourceClaim>();
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(DeviceOf(claims[0]), "gpu.io/node1/gpu-0");
  EXPECT_THAT(Users(claims[0]), ElementsAre("web"));
  DeletePod("web");
  cluster_.RunFor(2min);
  EXPECT_THAT(cluster_.List<ResourceClaim>(), IsEmpty());
}

TEST_P(DeviceSchedulingTest, AClaimIsFreedWhenItsPodGoesAndTheNextGetsTheDevice) {
  AddDevices("node1", 1);
  AddClaim("first");
  AddClaim("second");
  AddPod("one", "resourceClaimName: first");
  cluster_.RunFor(5s);
  AddPod("two", "resourceClaimName: second");
  cluster_.RunFor(5s);
  EXPECT_EQ(NodeOfPod("one"), "node1");
  EXPECT_EQ(NodeOfPod("two"), "");
  EXPECT_EQ(FailureOf("two"),
            "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, "
            "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.");
  DeletePod("one");
  cluster_.RunFor(30s);
  EXPECT_FALSE(Claim("first")->status.allocation.has_value());
  EXPECT_THAT(Claim("first")->metadata.finalizers, IsEmpty());
  EXPECT_EQ(NodeOfPod("two"), "node1");
  EXPECT_EQ(DeviceOf(*Claim("second")), "gpu.io/node1/gpu-0");
}

TEST_P(DeviceSchedulingTest, DevicesThatComeLaterAreNoticed) {
  AddClaim("c");
  AddPod("web", "resourceClaimName: c");
  cluster_.RunFor(5s);
  EXPECT_EQ(NodeOfPod("web"), "");
  AddDevices("node2", 1);
  cluster_.RunFor(5s);
  EXPECT_EQ(NodeOfPod("web"), "node2");
}

TEST_P(DeviceSchedulingTest, APodWhoseClaimIsNotThereWaitsUntried) {
  AddDevices("node1", 1);
  AddPod("web", "resourceClaimName: later");
  cluster_.RunFor(1min);
  EXPECT_EQ(FailureOf("web"), "");
  EXPECT_THAT(cluster_.Get<Pod>({"default", "web"})->status.conditions, IsEmpty());
  AddClaim("later");
  cluster_.RunFor(1s);
  EXPECT_EQ(NodeOfPod("web"), "node1");
}

TEST_P(DeviceSchedulingTest, AClassThatIsMissingIsSaidAndWaitedFor) {
  AddDevices("node1", 1);
  AddClaim("c");
  cluster_.Delete<resource_v1::DeviceClass>({"", "gpu"}, {});
  cluster_.RunFor(1s);
  AddPod("web", "resourceClaimName: c");
  cluster_.RunFor(5s);
  EXPECT_EQ(FailureOf("web"),
            "0/2 nodes are available: request one: device class gpu does not exist. no new claims "
            "to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for "
            "scheduling.");
  cluster_.Apply(
      "apiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata: {name: gpu}\nspec: {}\n");
  cluster_.RunFor(5s);
  EXPECT_EQ(NodeOfPod("web"), "node1");
}

TEST_P(DeviceSchedulingTest, AnExpressionThatFailsIsTheSchedulersError) {
  AddDevices("node1", 1);
  AddClaim("c", "device.attributes['gpu.io'].nope");
  AddPod("web", "resourceClaimName: c");
  cluster_.RunFor(5s);
  EXPECT_EQ(FailureOf("web"),
            "running \"DynamicResources\" filter plugin: claim default/c: selector #0: CEL runtime "
            "error: no such key: nope");
  const auto pod = cluster_.Get<Pod>({"default", "web"});
  ASSERT_THAT(pod->status.conditions, SizeIs(1));
  EXPECT_EQ(pod->status.conditions[0].reason, "SchedulerError");
}

TEST_P(DeviceSchedulingTest, AClaimThatIsTiedToALostNodeIsAllocatedAnew) {
  AddDevices("node2", 1);
  AddClaim("c");
  cluster_.Edit<ResourceClaim>(
      {"default", "c"},
      [](ResourceClaim& it) {
        auto& allocation = it.status.allocation.Ensure();
        auto& device = allocation.devices.results.emplace_back();
        device.request = "one";
        device.driver = "gpu.io";
        device.pool = "lost";
        device.device = "gpu-0";
        auto& term = allocation.node_selector.Ensure().node_selector_terms.emplace_back();
        auto& field = term.match_fields.emplace_back();
        field.key = "metadata.name";
        field.operator_ = "In";
        field.values = {"lost"};
      },
      true);
  cluster_.RunFor(1s);
  AddPod("web", "resourceClaimName: c");
  cluster_.RunFor(30s);
  EXPECT_EQ(FailureOf("web"),
            "0/2 nodes are available: 2 resourceclaim not available on the node. deallocation of "
            "ResourceClaim completed, preemption: 0/2 nodes are available: 2 Preemption is not "
            "helpful for scheduling.");
  EXPECT_EQ(NodeOfPod("web"), "node2");
  EXPECT_EQ(DeviceOf(*Claim("c")), "gpu.io/node2/gpu-0");
}

TEST_P(DeviceSchedulingTest, APodThatIsNotBoundLeavesTheClaimToOthers) {
  cluster_.Apply(R"(
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: frozen}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods/binding]}
  validations: [{expression: "object.metadata.name != 'web'", message: "not now"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: frozen}
spec: {policyName: frozen, validationActions: [Deny]}
)");
  AddDevices("node1", 1);
  AddClaim("c");
  cluster_.RunFor(1s);
  AddPod("web", "resourceClaimName: c");
  cluster_.RunFor(5s);
  EXPECT_EQ(NodeOfPod("web"), "");
  EXPECT_THAT(FailureOf("web"), testing::HasSubstr("not now"));
  EXPECT_EQ(DeviceOf(*Claim("c")), "gpu.io/node1/gpu-0");
  EXPECT_THAT(Users(*Claim("c")), IsEmpty());
  EXPECT_EQ(cluster_.Get<Pod>({"default", "web"})->status.nominated_node_name, "");
  AddPod("other", "resourceClaimName: c");
  cluster_.RunFor(30s);
  EXPECT_EQ(NodeOfPod("other"), "node1");
  EXPECT_THAT(Users(*Claim("c")), ElementsAre("other"));
}

TEST_P(DeviceSchedulingTest, APodThatGoesWhileItWaitsForAVolumeLeavesItsDevices) {
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
---
apiVersion: v1
kind: Pod
metadata: {name: waiting}
spec:
  containers: [{name: main, image: 'i:1'}]
  resourceClaims: [{name: gpu, resourceClaimName: one}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
)");
  AddDevices("node1", 1);
  AddClaim("one");
  AddClaim("two");
  cluster_.RunFor(5s);
  EXPECT_EQ(cluster_.Get<Pod>({"default", "waiting"})->status.nominated_node_name, "node1");
  AddPod("other", "resourceClaimName: two");
  cluster_.RunFor(5s);
  EXPECT_EQ(NodeOfPod("other"), "") << "the only device is taken";
  DeletePod("waiting");
  cluster_.RunFor(30s);
  EXPECT_EQ(NodeOfPod("other"), "node1");
}

TEST_P(DeviceSchedulingTest, ManyPodsGetADeviceEachAndNoMore) {
  AddDevices("node1", 3);
  AddDevices("node2", 2);
  AddTemplate("gpus");
  for (int i = 0; i < 7; ++i) {
    AddPod("p" + std::to_string(i), "resourceClaimTemplateName: gpus");
  }
  cluster_.RunFor(1min);
  std::set<std::string> devices;
  for (const auto& claim : cluster_.List<ResourceClaim>()) {
    if (const std::string device = DeviceOf(claim); !device.empty()) {
      EXPECT_TRUE(devices.insert(device).second) << device;
      EXPECT_THAT(Users(claim), SizeIs(1));
    }
  }
  EXPECT_THAT(devices, SizeIs(5));
  size_t bound = 0;
  for (const auto& pod : cluster_.List<Pod>("default")) bound += !pod.spec.node_name.empty();
  EXPECT_EQ(bound, 5u);
}

TEST_P(DeviceSchedulingTest, PodsWithoutClaimsAreToldThatNoneAreInTheWay) {
  cluster_.Apply(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: huge}\nspec: {containers: [{name: main, image: "
      "'i:1', resources: {requests: {cpu: 99}}}]}\n");
  cluster_.RunFor(5s);
  EXPECT_EQ(FailureOf("huge"),
            "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: "
            "0/2 nodes are available: 2 Preemption is not helpful for scheduling.");
}

}  // namespace
}  // namespace skiff
