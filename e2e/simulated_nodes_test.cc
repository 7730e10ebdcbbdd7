// Simulated nodes under the real server, controllers and scheduler: what their pods and they
// themselves do, by default and as annotations say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/batch_v1.h"
#include "api/gen/coordination_v1.h"
#include "controllers/scheduler/scheduler.h"
#include "controllers/workloads/pod_control.h"
#include "e2e/harness.h"
#include "kubelet/simulation/simulated_node.h"

namespace skiff {
namespace {

using core_v1::Pod;
using testing::SizeIs;

TestCluster::Options WithScheduler() {
  TestCluster::Options options;
  options.controllers.local_path_directory = "/volumes";
  options.controllers.nodes_remove_local_volumes = false;
  options.controllers.root_ca = "CA";
  options.controllers.allocate_node_cidrs = true;
  options.controllers.cluster_cidrs = {"10.201.0.0/16"};
  options.add_parts = [](Manager& manager) { scheduler::AddScheduler(manager); };
  return options;
}

class SimulatedNodesTest : public testing::Test {
 protected:
  explicit SimulatedNodesTest(const TestCluster::Options& options = WithScheduler())
      : cluster_(options) {
    const auto nodes = informers_.For<core_v1::Node>();
    nodes.OnChange([this](const auto&, const auto&) { node_.NodeChanged(); });
    node_.Start();
    manager_.Start(cluster_.executor());
    informers_.Start(cluster_.executor());
    cluster_.RunFor(30s);
  }
  ~SimulatedNodesTest() override {
    informers_.Stop();
    node_.kubelet().Stop();
    manager_.Stop();
  }

  // A pod of one container "main", with annotations of the simulation.
  void Run(const std::string& name, const std::string& policy, const std::string& annotations,
           const std::string& more = "") {
    cluster_.Apply("apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", annotations: {" +
                   annotations + "}}\nspec: {restartPolicy: " + policy +
                   ", containers: [{name: main, image: 'web:1'}]" + more + "}\n");
  }
  bool HasEvent(const std::string& pod, const std::string& reason, const std::string& text) {
    const auto events = cluster_.List<core_v1::Event>("default");
    return std::any_of(events.begin(), events.end(), [&](const core_v1::Event& event) {
      return event.involved_object.name == pod && event.reason == reason &&
             event.message.find(text) != std::string::npos;
    });
  }
  Ptr<Pod> Get(const std::string& name) { return cluster_.Get<Pod>({"default", name}); }
  std::string Phase(const std::string& name) { return Get(name)->status.phase; }
  bool IsReady(const std::string& name) {
    const auto pod = Get(name);
    const auto& statuses = pod->status.container_statuses;
    return !statuses.empty() && statuses[0].ready;
  }
  std::string NodeReady() {
    const auto node = cluster_.Get<core_v1::Node>({"", "node-0"});
    for (const auto& condition : node->status.conditions) {
      if (condition.type == "Ready") return condition.status;
    }
    return "";
  }
  void Annotate(const std::string& word, const std::string& value) {
    cluster_.Edit<core_v1::Node>({"", "node-0"}, [&](core_v1::Node& it) {
      it.metadata.annotations["simulation.skiff.io/" + word] = value;
    });
  }

  TestCluster cluster_;
  Client informer_client_{cluster_.transport(), "kubelet"};
  InformerFactory informers_{
      Reflector::Dependencies{informer_client_, cluster_.clock(), cluster_.random()}};
  Manager manager_{Manager::Dependencies{cluster_.transport(), cluster_.clock(), cluster_.random(),
                                         informers_, "kubelet"}};
  kubelet::SimulatedNode node_{
      {"node-0", "10.127.0.1", ""},
      {cluster_.transport(), cluster_.clock(), cluster_.clock(), cluster_.random(),
       informers_.For<Pod>(), informers_.For<core_v1::Service>(), informers_.For<core_v1::Node>(),
       manager_.Recorder("kubelet", "node-0"), cluster_.executor()}};
};

TEST_F(SimulatedNodesTest, JobsCompleteAndFailAsTheirPodsSay) {
  cluster_.Apply(R"(
apiVersion: batch/v1
kind: Job
metadata: {name: good}
spec:
  completions: 3
  template:
    spec:
      restartPolicy: Never
      initContainers:
      - {name: prepare, image: 'i:1'}
      - {name: helper, image: 'i:1', restartPolicy: Always}
      containers: [{name: main, image: 'i:1'}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: bad}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {simulation.skiff.io/exit-code: "3"}}
    spec: {restartPolicy: Never, containers: [{name: main, image: 'i:1'}]}
)");
  cluster_.RunFor(2min);
  const auto good = cluster_.Get<batch_v1::Job>({"default", "good"});
  EXPECT_EQ(good->status.succeeded, 3);
  EXPECT_TRUE(good->status.completion_time);
  const auto bad = cluster_.Get<batch_v1::Job>({"default", "bad"});
  EXPECT_EQ(bad->status.failed, 1);
  for (const Pod& pod : cluster_.List<Pod>("default")) {
    if (pod.metadata.labels.at("job-name") != "bad") continue;
    EXPECT_EQ(pod.status.phase, "Failed");
    EXPECT_EQ(pod.status.container_statuses.at(0).state.terminated->exit_code, 3);
  }
}

TEST_F(SimulatedNodesTest, PodsEndCrashAndWaitAsAnnotationsSay) {
  Run("server", "Always", "");
  Run("task", "Never", "simulation.skiff.io/exit-after: 20s");
  Run("crasher", "Always", "simulation.skiff.io/crash-after: 5s");
  Run("late", "Always", "simulation.skiff.io/start-delay: 1m");
  cluster_.RunFor(10s);
  EXPECT_EQ(Phase("task"), "Running");
  EXPECT_EQ(Phase("late"), "Pending");
  cluster_.RunFor(2min);
  EXPECT_EQ(Phase("server"), "Running");
  EXPECT_EQ(Get("server")->status.container_statuses.at(0).restart_count, 0);
  EXPECT_EQ(Phase("task"), "Succeeded");
  EXPECT_GT(Get("crasher")->status.container_statuses.at(0).restart_count, 1);
  EXPECT_EQ(Phase("late"), "Running");
}

TEST_F(SimulatedNodesTest, ImagesAreMissingForThePodThatSaysSoAlone) {
  Run("fails", "Always", "simulation.skiff.io/fail-image-pull: 'true'");
  cluster_.RunFor(5s);
  Run("works", "Always", "");
  cluster_.RunFor(1min);
  const auto waiting = Get("fails")->status.container_statuses.at(0).state.waiting;
  ASSERT_TRUE(waiting);
  EXPECT_THAT(waiting->reason, testing::AnyOf("ErrImagePull", "ImagePullBackOff"));
  EXPECT_EQ(Phase("works"), "Running");
  cluster_.Edit<Pod>({"default", "fails"}, [](Pod& it) { it.metadata.annotations.clear(); });
  cluster_.RunFor(6min);
  EXPECT_EQ(Phase("fails"), "Running");
}

TEST_F(SimulatedNodesTest, ImagesRunAsAUserWhoIsNotRoot) {
  Run("careful", "Always", "", ", securityContext: {runAsNonRoot: true}");
  Run("rooted", "Always", "", ", securityContext: {runAsNonRoot: true, runAsUser: 0}");
  cluster_.RunFor(10s);
  EXPECT_EQ(Phase("careful"), "Running");
  const auto waiting = Get("rooted")->status.container_statuses.at(0).state.waiting;
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->reason, "CreateContainerConfigError");
}

TEST_F(SimulatedNodesTest, ReadinessComesAndGoes) {
  Run("slow", "Always",
      "simulation.skiff.io/ready-after: 30s, simulation.skiff.io/not-ready-after: 90s");
  cluster_.RunFor(10s);
  EXPECT_EQ(Phase("slow"), "Running");
  EXPECT_FALSE(IsReady("slow"));
  cluster_.RunFor(40s);
  EXPECT_TRUE(IsReady("slow"));
  cluster_.RunFor(50s);
  EXPECT_FALSE(IsReady("slow"));
  EXPECT_EQ(Phase("slow"), "Running");
}

TEST_F(SimulatedNodesTest, ANodeFailsAsItsAnnotationsSay) {
  EXPECT_EQ(NodeReady(), "True");
  Run("web", "Always", "");
  Annotate("not-ready-after", "1m");
  cluster_.RunFor(2min);
  EXPECT_EQ(NodeReady(), "False");
  EXPECT_TRUE(skiff::IsReady(*Get("web"))) << "its kubelet lives, and says so itself";
  Annotate("not-ready-after", "1000h");
  cluster_.RunFor(1min);
  EXPECT_EQ(NodeReady(), "True");
  Annotate("heartbeat-stops-after", "1s");
  cluster_.RunFor(3min);
  EXPECT_EQ(NodeReady(), "Unknown");
  EXPECT_FALSE(skiff::IsReady(*Get("web")));
  Annotate("heartbeat-stops-after", "1000h");
  cluster_.RunFor(2min);
  EXPECT_EQ(NodeReady(), "True");
}

TEST_F(SimulatedNodesTest, ClaimsAreBoundAndTheirVolumesAreOnNoNode) {
  cluster_.Apply(
      "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: local-path, "
      "annotations: {storageclass.kubernetes.io/is-default-class: 'true'}}\n"
      "provisioner: skiff.io/local-path\n");
  cluster_.Apply(
      "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: "
      "[ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n");
  cluster_.RunFor(10s);
  EXPECT_EQ(cluster_.Get<core_v1::PersistentVolumeClaim>({"default", "data"})->status.phase,
            "Bound");
  const auto volumes = cluster_.List<core_v1::PersistentVolume>();
  ASSERT_THAT(volumes, SizeIs(1));
  EXPECT_FALSE(volumes[0].spec.node_affinity);
  Run("user", "Always", "",
      ", volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]");
  cluster_.RunFor(10s);
  EXPECT_EQ(Phase("user"), "Running");
}

TEST_F(SimulatedNodesTest, AnAnnotationThatCannotBeReadIsToldOfAsAnEvent) {
  Run("odd", "Never", "simulation.skiff.io/exit-after: soon");
  cluster_.RunFor(30s);
  EXPECT_EQ(Phase("odd"), "Succeeded");
  EXPECT_TRUE(HasEvent("odd", "SimulationProblem", "it is no duration"));
  Run("typo", "Never", "simulation.skiff.io/exit-after.man: 5s");
  cluster_.RunFor(30s);
  EXPECT_TRUE(HasEvent("typo", "SimulationProblem", "the pod has no container \"man\""));
}

TEST_F(SimulatedNodesTest, PodsHaveAddressesOfTheirNodesBlock) {
  const std::string block = cluster_.Get<core_v1::Node>({"", "node-0"})->spec.pod_cidr;
  EXPECT_TRUE(block.starts_with("10.201.")) << block;
  Run("web", "Always", "");
  cluster_.RunFor(5s);
  EXPECT_EQ(Get("web")->status.pod_ip, block.substr(0, block.rfind('.')) + ".1");
}

// Nobody gives its node a block of addresses, until the test does.
class NodesWithoutAddressesTest : public SimulatedNodesTest {
 protected:
  NodesWithoutAddressesTest() : SimulatedNodesTest(WithoutBlocks()) {}
  static TestCluster::Options WithoutBlocks() {
    auto options = WithScheduler();
    options.controllers.allocate_node_cidrs = false;
    return options;
  }
};

TEST_F(NodesWithoutAddressesTest, PodsWaitForThemAWhileOnANodeThatIsReady) {
  EXPECT_EQ(NodeReady(), "True");
  Run("early", "Always", "");
  Run("host", "Always", "", ", hostNetwork: true");
  cluster_.RunFor(3s);
  EXPECT_EQ(Phase("early"), "Pending");
  EXPECT_EQ(Phase("host"), "Running");
  cluster_.Edit<core_v1::Node>({"", "node-0"},
                               [](core_v1::Node& it) { it.spec.pod_cidr = "10.201.7.0/24"; });
  cluster_.RunFor(1s);
  EXPECT_EQ(Get("early")->status.pod_ip, "10.201.7.1");
  EXPECT_FALSE(HasEvent("early", "FailedCreatePodSandBox", ""));
}

TEST_F(NodesWithoutAddressesTest, PodsSayWhyWhenNoneCome) {
  Run("early", "Always", "");
  cluster_.RunFor(10s);
  EXPECT_TRUE(HasEvent("early", "FailedCreatePodSandBox", "cni plugin not initialized"));
}

TEST_F(SimulatedNodesTest, TheFirstRestartIsAtOnceAndTheNextWaits) {
  cluster_.Apply(R"(
apiVersion: v1
kind: Pod
metadata: {name: crasher, annotations: {simulation.skiff.io/crash-after: 2s}}
spec: {containers: [{name: main, image: web}]}
)");
  const auto restarts = [&] { return Get("crasher")->status.container_statuses[0].restart_count; };
  cluster_.RunFor(4s);
  EXPECT_EQ(restarts(), 1);
  cluster_.RunFor(6s);
  EXPECT_EQ(restarts(), 1);
  EXPECT_EQ(Get("crasher")->status.container_statuses[0].state.waiting->reason, "CrashLoopBackOff");
  cluster_.RunFor(6s);
  EXPECT_EQ(restarts(), 2);
}

TEST_F(SimulatedNodesTest, PodsWaitForTheObjectsThatTheyMountOrRead) {
  Run("mounts", "Always", "",
      ", volumes: [{name: settings, configMap: {name: settings}}, {name: free, secret: "
      "{secretName: nowhere, optional: true}}]");
  cluster_.Apply(R"(
apiVersion: v1
kind: Pod
metadata: {name: reads}
spec:
  containers:
  - {name: main, image: 'web:1', envFrom: [{secretRef: {name: keys}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: opens}
spec:
  containers:
  - {name: main, image: 'web:1', volumeMounts: [{name: all, mountPath: /all}]}
  volumes:
  - name: all
    projected: {sources: [{configMap: {name: settings}}, {secret: {name: keys}}]}
)");
  cluster_.RunFor(10s);
  EXPECT_EQ(Phase("mounts"), "Running") << "no container mounts its volume";
  for (const char* name : {"reads", "opens"}) EXPECT_EQ(Phase(name), "Pending") << name;
  EXPECT_EQ(Get("reads")->status.container_statuses.at(0).state.waiting->reason,
            "CreateContainerConfigError");
  EXPECT_EQ(Get("opens")->status.container_statuses.at(0).state.waiting->reason,
            "ContainerCreating");
  EXPECT_TRUE(HasEvent("opens", "FailedMount",
                       "MountVolume.SetUp failed for volume \"all\" : [configmap \"settings\" not "
                       "found, secret \"keys\" not found]"));
  cluster_.Apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n");
  cluster_.Apply("apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n");
  cluster_.RunFor(30s);
  for (const char* name : {"reads", "opens"}) EXPECT_EQ(Phase(name), "Running") << name;
}

TEST_F(SimulatedNodesTest, WhatIsNotSimulatedIsToldOf) {
  Run("mounts", "Always", "", ", volumes: [{name: share, nfs: {server: files, path: /}}]");
  cluster_.RunFor(10s);
  EXPECT_EQ(Phase("mounts"), "Running");
  EXPECT_TRUE(HasEvent("mounts", "NotSimulated", "volume share (nfs) is taken to be there"));
}

// Thousands of pods that come and go may keep threads busy: what a node's life hangs on has others.
TEST(SimulatedHeartbeatsTest, ANodeWhoseOtherWorkIsNotDoneLives) {
  TestCluster cluster(WithScheduler());
  Client client{cluster.transport(), "kubelet"};
  InformerFactory informers{Reflector::Dependencies{client, cluster.clock(), cluster.random()}};
  Manager manager{Manager::Dependencies{cluster.transport(), cluster.clock(), cluster.random(),
                                        informers, "kubelet"}};
  SteppedExecutor busy{cluster.clock(), 1};  // Never comes to anything.
  kubelet::SimulatedNode node{
      {"node-0", "10.127.0.1", ""},
      {cluster.transport(), cluster.clock(), cluster.clock(), cluster.random(),
       informers.For<Pod>(), informers.For<core_v1::Service>(), informers.For<core_v1::Node>(),
       manager.Recorder("kubelet", "node-0"), busy, nullptr, &cluster.executor()}};
  node.Start();
  manager.Start(cluster.executor());
  informers.Start(cluster.executor());
  cluster.RunFor(5min);
  EXPECT_NE(cluster.Get<core_v1::Node>({"", "node-0"}), nullptr);
  const auto lease = cluster.Get<coordination_v1::Lease>({"kube-node-lease", "node-0"});
  ASSERT_NE(lease, nullptr);
  EXPECT_LT(cluster.clock().Now() - lease->spec.renew_time->point(), 15s);
  informers.Stop();
  node.kubelet().Stop();
  manager.Stop();
}

}  // namespace
}  // namespace skiff
