#include "e2e/controllers_harness.h"

#include "client/manager.h"
#include "e2e/pod_runner.h"

namespace skiff {

void FillTemplate(core_v1::PodTemplateSpec& pod_template, const std::string& app,
                  const std::string& image) {
  pod_template.metadata.labels["app"] = app;
  auto& container = pod_template.spec.containers.emplace_back();
  container.name = "main";
  container.image = image;
}

apps_v1::Deployment DeploymentOf(const std::string& name, int replicas) {
  apps_v1::Deployment deployment;
  deployment.metadata.name = name;
  deployment.metadata.namespace_ = "default";
  deployment.spec.replicas = replicas;
  deployment.spec.selector.Ensure().match_labels["app"] = name;
  FillTemplate(deployment.spec.template_, name, "image:1");
  return deployment;
}

core_v1::Node NodeOf(const std::string& name) {
  core_v1::Node node;
  node.metadata.name = name;
  node.metadata.labels["kubernetes.io/hostname"] = name;
  auto& ready = node.status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  return node;
}

ControllersTest::ControllersTest() : cluster_(Options()) {
  AddNode(cluster_);
}

TestCluster::Options ControllersTest::Options() const {
  TestCluster::Options options;
  options.seed = GetParam();
  options.controllers.root_ca = "CA";
  options.controllers.local_path_directory = "/volumes";
  options.controllers.nodes_remove_local_volumes = false;
  options.add_parts = [this](Manager& manager) {
    PodRunnerOptions runner;
    runner.runs = [this](const core_v1::Pod&) { return pods_start_; };
    runner.reports = [this](const std::string& node) { return !silent_.contains(node); };
    AddPodRunner(manager, runner);
  };
  return options;
}

void ControllersTest::AddNode(TestCluster& cluster) {
  cluster.Apply(NodeOf("node1"));
  cluster.Edit<core_v1::Node>(
      {"", "node1"}, [](core_v1::Node& it) { it.status = NodeOf("node1").status; }, true);
  cluster.RunFor(1s);
}

}  // namespace skiff
