// What clients ask of simulated nodes and their pods, through the real API server over real TLS:
// the simulation answers, and nothing goes to the addresses that no machine has.
#include "skiff/simulated_nodes.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "api/gen/networking_v1.h"
#include "api/gen/storage_v1.h"
#include "base/wrong_clock.h"
#include "client/scoped_informer.h"
#include "skiff/cluster_objects.h"
#include "skiff/joined_cluster_test.h"

namespace skiff {
namespace {

using core_v1::Pod;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SimulatedAnswersTest : public JoinedClusterTest {
 protected:
  // Started, and in that phase; `change` is for what only one test wants of it.
  void Run(const std::string& name, const std::string& policy, const std::string& phase,
           const std::function<void(Pod&)>& change = [](Pod&) {}) {
    ListOptions scope;
    scope.namespace_ = "default";
    ASSERT_TRUE(WaitForObject<core_v1::ServiceAccount>(
        {*admin_, clock_, random_}, scope, [](const auto&) { return true; }, kPatience));
    Pod pod;
    pod.metadata.namespace_ = "default";
    pod.metadata.name = name;
    pod.spec.restart_policy = policy;
    auto& container = pod.spec.containers.emplace_back();
    container.name = "main";
    container.image = "image:1";
    container.command = {"serve", name};
    change(pod);
    ASSERT_TRUE(admin_->Create(pod));
    ASSERT_TRUE(WaitForObject<Pod>(
        {*admin_, clock_, random_}, scope,
        [&](const Pod& it) { return it.metadata.name == name && it.status.phase == phase; },
        kPatience));
  }
  // The body; with the code before it unless that is 200.
  std::string Ask(const std::string& path,
                  std::vector<std::pair<std::string, std::string>> query = {}) {
    http::Request request;
    request.method = "GET";
    request.path = request.target = path;
    for (const auto& [name, value] : query) {
      request.target += (request.target == path ? "?" : "&") + name + "=" + value;
    }
    request.query = std::move(query);
    http::Response answer = transport_->Send(std::move(request));
    std::string text = answer.body;
    if (answer.stream) {
      answer.stream->Attach([] {});
      std::vector<http::SharedBytes> pieces;
      while (answer.stream->Pull(1 << 16, pieces) == http::Pulled::kMore) {
      }
      for (const auto& piece : pieces) text += *piece;
    }
    return answer.status == 200 ? text : std::to_string(answer.status) + " " + text;
  }
};

TEST_F(SimulatedAnswersTest, ForAPodThatRuns) {
  Run("web", "Always", "Running");
  const std::string pod = "/api/v1/namespaces/default/pods/web";
  EXPECT_EQ(Ask(pod + "/log"),
            "simulated container main of default/web started: image image:1\n"
            "it stands for: serve web\n");
  EXPECT_EQ(Ask(pod + "/log", {{"tailLines", "1"}}), "it stands for: serve web\n");
  EXPECT_EQ(Ask(pod + "/proxy/some/path", {{"a", "b"}}),
            "pod default/web on node-0 is simulated; it was asked: GET /some/path?a=b\n");
  const std::string node = "/api/v1/nodes/node-0/proxy";
  EXPECT_THAT(Ask(node + "/metrics/resource"),
              AllOf(HasSubstr("container_memory_working_set_bytes{container=\"main\",namespace="
                              "\"default\",pod=\"web\"} 16777216\n"),
                    HasSubstr("\nnode_memory_working_set_bytes "),
                    HasSubstr("\nresource_scrape_error 0\n")));
  const Json summary = Json::parse(Ask(node + "/stats/summary"), nullptr, false);
  ASSERT_TRUE(summary.is_object());
  EXPECT_EQ(summary["node"]["nodeName"], "node-0");
  EXPECT_EQ(summary["pods"][0]["podRef"]["name"], "web");
  EXPECT_EQ(summary["pods"][0]["network"]["name"], "eth0");
  const Json container = summary["pods"][0]["containers"][0];
  EXPECT_EQ(container["memory"]["workingSetBytes"], 16777216);
  EXPECT_GT(container["logs"]["usedBytes"].get<int64_t>(), 0);
  EXPECT_GT(summary["node"]["fs"]["capacityBytes"].get<int64_t>(), 0);
  const Json brief = Json::parse(
      Ask(node + "/stats/summary", {{"only_cpu_and_memory", "true"}}), nullptr, false);
  EXPECT_FALSE(brief["node"].contains("fs"));
  EXPECT_THAT(Ask(node + "/metrics/cadvisor"),
              AllOf(HasSubstr("\ncontainer_memory_working_set_bytes{container=\"main\",id=\"/"),
                    HasSubstr("\ncontainer_network_transmit_bytes_total{container=\"\","),
                    HasSubstr("\nmachine_memory_bytes{")));
  EXPECT_THAT(Ask(node + "/pods"), HasSubstr("\"name\":\"web\""));
  EXPECT_THAT(Ask(node + "/configz"), HasSubstr("404"));
}

TEST_F(SimulatedAnswersTest, NoPortOfTheNodesIsTaken) {
  core_v1::Service git;
  git.metadata.namespace_ = "default";
  git.metadata.name = "git";
  git.spec.type = "LoadBalancer";
  auto& port = git.spec.ports.emplace_back();
  port.port = 22;
  ASSERT_TRUE(admin_->Create(git));
  ListOptions scope;
  scope.namespace_ = "default";
  EXPECT_TRUE(WaitForObject<core_v1::Service>(
      {*admin_, clock_, random_}, scope,
      [](const auto& it) { return !it.status.load_balancer.ingress.empty(); }, kPatience));
}

TEST_F(SimulatedAnswersTest, WhatPodsAndNodesUseIsServedWithoutAnInstall) {
  Run("busy", "Always", "Running", [](Pod& pod) {
    pod.metadata.labels["app"] = "busy";
    pod.metadata.annotations["simulation.skiff.io/cpu-usage"] = "250m";
    pod.metadata.annotations["simulation.skiff.io/memory-usage"] = "64Mi";
  });
  const std::string version = "/apis/metrics.k8s.io/v1beta1";
  const std::string pods = version + "/namespaces/default/pods";
  Json item;
  Mutex mutex;
  CondVar pause;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (item.is_null() && std::chrono::steady_clock::now() < until) {
    const Json list = Json::parse(Ask(pods, {{"labelSelector", "app=busy"}}), nullptr, false);
    ASSERT_TRUE(list.is_object());
    EXPECT_EQ(list["kind"], "PodMetricsList");
    if (!list["items"].empty()) item = list["items"][0];
    MutexLock lock(mutex);
    pause.wait_for(lock, 100ms, [] { return false; });
  }
  ASSERT_TRUE(item.is_object()) << "nobody has looked at the node";
  EXPECT_EQ(item["metadata"]["labels"]["app"], "busy");
  EXPECT_EQ(item["containers"][0]["usage"]["memory"], "64Mi");
  const auto cpu = Quantity::Parse(item["containers"][0]["usage"]["cpu"].get<std::string>());
  ASSERT_TRUE(cpu);
  EXPECT_NEAR(cpu->MilliValue(), 250, 10);
  EXPECT_THAT(Ask(pods + "/busy"), HasSubstr("\"kind\":\"PodMetrics\""));
  EXPECT_THAT(Ask(pods + "/nobody"), HasSubstr("pods \\\"nobody\\\" not found"));
  EXPECT_THAT(Ask(version + "/nodes"), HasSubstr("\"name\":\"node-0\""));

  EXPECT_THAT(Ask("/apis"), HasSubstr("\"metrics.k8s.io/v1beta1\""));
  EXPECT_THAT(Ask(version), HasSubstr("\"kind\":\"PodMetrics\""));
  EXPECT_THAT(Ask("/openapi/v3"), HasSubstr("apis/metrics.k8s.io/v1beta1"));
  EXPECT_THAT(Ask("/openapi/v3" + version), HasSubstr("v1beta1.PodMetricsList"));
  EXPECT_THAT(Ask("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"),
              HasSubstr("404"));
}

TEST_F(SimulatedAnswersTest, WhoeverInstallsAMetricsServerIsAskedInstead) {
  const Resource services = [] {
    Resource resource;
    resource.api_version = "apiregistration.k8s.io/v1";
    resource.kind = "APIService";
    resource.name = "apiservices";
    resource.namespaced = false;
    return resource;
  }();
  const ObjectKey key = {"", "v1beta1.metrics.k8s.io"};
  const std::string nodes = "/apis/metrics.k8s.io/v1beta1/nodes";
  const Json service = {
      {"apiVersion", "apiregistration.k8s.io/v1"},
      {"kind", "APIService"},
      {"metadata", {{"name", key.name}}},
      {"spec",
       {{"group", "metrics.k8s.io"},
        {"version", "v1beta1"},
        {"groupPriorityMinimum", 100},
        {"versionPriority", 100},
        {"insecureSkipTLSVerify", true},
        {"service", {{"name", "metrics-server"}, {"namespace", "kube-system"}}}}}};
  EXPECT_THAT(Ask(nodes), HasSubstr("NodeMetricsList"));
  ASSERT_TRUE(admin_->Create(services, key, service));
  EXPECT_THAT(Ask(nodes), HasSubstr("503")) << "nobody is behind it yet, and it is theirs";
  ASSERT_TRUE(admin_->Delete(services, key));
  EXPECT_THAT(Ask(nodes), HasSubstr("NodeMetricsList"));
}

TEST_F(SimulatedAnswersTest, APageOfAPodIsNoneOfThisServer) {
  Run("page", "Always", "Running");
  http::Request request;
  request.method = "GET";
  request.path = request.target = "/api/v1/namespaces/default/pods/page/proxy/page";
  EXPECT_EQ(transport_->Send(request).Header("Content-Security-Policy"), "");
  request.headers.emplace("Sec-Fetch-Site", "none");
  EXPECT_THAT(std::string(transport_->Send(request).Header("Content-Security-Policy")),
              HasSubstr("sandbox "));
}

TEST_F(SimulatedAnswersTest, ForAPodThatHasEnded) {
  Run("task", "Never", "Succeeded");
  EXPECT_THAT(Ask("/api/v1/namespaces/default/pods/task/log"), HasSubstr("\nexit code 0\n"));
  EXPECT_THAT(Ask("/api/v1/nodes/node-0/proxy/metrics/resource"), Not(HasSubstr("pod=\"task\"")));
}

TEST_F(SimulatedAnswersTest, APodThatIsDeletedBeforeItsInitContainersAreDoneGoes) {
  Run("early", "Always", "Pending", [](Pod& pod) {
    pod.metadata.annotations["simulation.skiff.io/exit-code.setup"] = "1";
    auto& setup = pod.spec.init_containers.emplace_back();
    setup.name = "setup";
    setup.image = "image:1";
  });
  ListOptions scope;
  scope.namespace_ = "default";
  Mutex mutex;
  CondVar changed;
  Ptr<Pod> begun;     // Guarded by `mutex`.
  bool gone = false;  // Likewise.
  ThreadExecutor executor("wait", 1);
  ScopedInformer<Pod> watched({*admin_, clock_, random_}, scope);
  watched.informer().OnChange([&](const Ptr<Pod>& before, const Ptr<Pod>& now) {
    if ((now ? now : before)->metadata.name != "early") return;
    const MutexLock lock(mutex);
    gone = now == nullptr;
    if (now && !now->status.init_container_statuses.empty() &&
        now->status.init_container_statuses[0].last_state.terminated) {
      begun = now;
    }
    changed.notify_all();
  });
  watched.Start(executor);
  Ptr<Pod> pod;
  {
    MutexLock lock(mutex);
    changed.wait_for(lock, kPatience, [&] { return begun != nullptr; });
    pod = begun;
  }
  ASSERT_TRUE(pod);
  DeleteOptions options;
  options.grace_period_s = 1;
  EXPECT_TRUE(admin_->Delete(*pod, options));
  {
    MutexLock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return gone; }));
  }
  watched.Stop();
}

TEST_F(SimulatedAnswersTest, TheClassOfIngressesIsGivenToNoneThatNamesNoClass) {
  ASSERT_TRUE(EnsureIngressClass(*admin_));
  ASSERT_TRUE(EnsureIngressClass(*admin_)) << "at the next start";
  networking_v1::Ingress ingress;
  ingress.metadata.namespace_ = "default";
  ingress.metadata.name = "site";
  auto& backend = ingress.spec.default_backend.Ensure().service.emplace();
  backend.name = "web";
  backend.port.number = 80;
  const auto created = admin_->Create(ingress);
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_FALSE((*created)->spec.ingress_class_name);
}

TEST_F(SimulatedAnswersTest, AClaimWithoutAClassIsBoundAtOnce) {
  const auto found = admin_->Get<storage_v1::StorageClass>({"", "local-path"});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ((*found)->metadata.annotations.at("storageclass.kubernetes.io/is-default-class"),
            "true");
  core_v1::PersistentVolumeClaim claim;
  claim.metadata.namespace_ = "default";
  claim.metadata.name = "data";
  claim.spec.access_modes = {"ReadWriteOnce"};
  claim.spec.resources.requests["storage"] = *Quantity::Parse("1Gi");
  ASSERT_TRUE(admin_->Create(claim));
  ListOptions scope;
  scope.namespace_ = "default";
  EXPECT_TRUE(WaitForObject<core_v1::PersistentVolumeClaim>(
      {*admin_, clock_, random_}, scope, [](const auto& it) { return it.status.phase == "Bound"; },
      kPatience));
}

TEST_F(SimulatedAnswersTest, ANodeWhoseClockIsWrongTellsWrongTimesAndItsContainersDoNot) {
  const int directory = open(options_.data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  auto file = ClockFile::Open(directory);
  close(directory);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->is_followed());
  const Duration now = clock_.Monotonic();
  const ClockFault fault{.offset = -1h, .begins = now, .ends = now + 1h};
  ASSERT_TRUE(file->Set("node-0", fault, clock_));
  Run("early", "Always", "Running");
  ASSERT_TRUE(file->Clear("node-0", fault));
  const auto pod = admin_->Get<Pod>({"default", "early"});
  ASSERT_TRUE(pod);
  const TimePoint made = (*pod)->metadata.creation_timestamp.point();
  EXPECT_LT((*pod)->status.start_time->point(), made - 30min);
  const auto& state = (*pod)->status.container_statuses.at(0).state;
  EXPECT_GE(state.running->started_at.point(), made);
  EXPECT_LT(made, clock_.Now() + 1s) << "the server has its own";
}

TEST_F(SimulatedAnswersTest, NodesOfAnEarlierStartWithMoreOfThemGo) {
  const std::pair<const char*, const char*> made[] = {
      {"node-9", "fake://1.0"}, {"node-8", "containerd://1.6.20"}, {"far", "fake://1.0"}};
  for (const auto& [name, runtime] : made) {
    core_v1::Node node;
    node.metadata.name = name;
    node.status.node_info.container_runtime_version = runtime;
    ASSERT_TRUE(admin_->Create(node)) << name;
  }
  ASSERT_TRUE(RemoveSurplusNodes(*admin_, 1));
  const auto is_there = [](const char* name) {
    return admin_->Get<core_v1::Node>({"", name}).has_value();
  };
  EXPECT_FALSE(is_there("node-9"));
  for (const char* other : {"node-0", "node-8", "far"}) EXPECT_TRUE(is_there(other)) << other;
}

TEST(SimulatedSocket, IsForTheirOwnNamesAlone) {
  ClusterOptions options;
  options.data_dir = "/d";
  options.simulated_nodes = 2;
  EXPECT_EQ(SimulatedSocketOf(options, "node-0"), "/d/simulated.sock");
  EXPECT_EQ(SimulatedSocketOf(options, "node-1"), "/d/simulated.sock");
  for (const char* other : {"node-2", "node-01", "node--1", "node-", "node-1x", "far", ""}) {
    EXPECT_EQ(SimulatedSocketOf(options, other), "") << other;
  }
}

}  // namespace
}  // namespace skiff
