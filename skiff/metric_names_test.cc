// Metrics by their names: those that Kubernetes v1.35's programs have are here, with their labels
// and their stability, or e2e/compat/metrics says why not; and no others are. What is served, types
// and buckets too, e2e/compat/metrics.py compares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "apiserver/server/server_metrics.h"
#include "base/build_info.h"
#include "base/source_root.h"
#include "client/leader_election.h"
#include "client/transport.h"
#include "controllers/program.h"
#include "controllers/scheduler/pod_resource_metrics.h"
#include "controllers/scheduler/scheduler.h"
#include "kubelet/kubelet_metrics.h"
#include "proxy/proxy_metrics.h"
#include "skiff/component.h"
#include "skiff/component_clients.h"

namespace skiff {
namespace {

struct RealMetric {
  std::string stability;  // "-": it is not here.
  std::set<std::string> labels;
};

// Of a list, whose notation e2e/compat/metrics.py tells.
std::map<std::string, RealMetric> ReadMetrics(const std::string& name) {
  std::ifstream lines(std::string(kSourceRoot) + "/e2e/compat/metrics/" + name + ".txt");
  EXPECT_TRUE(lines.is_open()) << name;
  std::map<std::string, RealMetric> metrics;
  std::string metric;
  bool is_behind_labels = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    if (line.starts_with('@')) {
      metrics.merge(ReadMetrics(line.substr(1)));
      continue;
    }
    std::istringstream words(line);
    if (!line.starts_with(' ')) {
      std::string type;
      if (!(words >> metric >> type)) continue;
      if (type != "-") words >> type;
      metrics[metric].stability = type;
      is_behind_labels = false;
    }
    for (std::string word; words >> word;) {
      is_behind_labels |= word == "|";
      if (!is_behind_labels) metrics[metric].labels.insert(word);
    }
  }
  return metrics;
}

// Of the process, as Prometheus' own libraries have them.
bool IsOfProcess(const std::string& name) {
  return name.starts_with("process_");
}

class MetricNamesTest : public testing::Test {
 protected:
  MetricNamesTest() {
    AddProgramMetrics(metrics_);
    AddCompatibilityMetric(metrics_);
    const RequestMetrics requests(metrics_);
    AddQueueMetrics(metrics_, manager_);
    AddLeaderMetrics(metrics_, component_, election_, is_started_);
  }
  // What there is, and what should be by these lists.
  void Compare(const std::vector<std::string>& lists) const {
    std::map<std::string, RealMetric> wanted;
    for (const std::string& list : lists) wanted.merge(ReadMetrics(list));
    std::map<std::string, const MetricDescription*> ours;
    auto all = metrics_.Descriptions();
    for (const auto& each : resources_.Descriptions()) all.push_back(each);
    for (const auto& each : all) {
      if (!IsOfProcess(each.name)) ours[each.name] = &each;
    }
    for (const auto& [name, metric] : wanted) {
      if (IsOfProcess(name) || name.starts_with("kubernetes_healthcheck")) continue;
      const auto found = ours.find(name);
      if (metric.stability == "-") {
        EXPECT_EQ(found, ours.end()) << name << " is here: the list says that it is not";
        continue;
      }
      if (found == ours.end()) {
        ADD_FAILURE() << name << " is missing";
        continue;
      }
      ExpectSame(*found->second, metric);
    }
    for (const auto& [name, description] : ours) {
      EXPECT_TRUE(wanted.contains(name)) << name << " is not Kubernetes'";
    }
  }

  static void ExpectSame(const MetricDescription& ours, const RealMetric& real) {
    EXPECT_EQ(std::set<std::string>(ours.labels.begin(), ours.labels.end()), real.labels)
        << ours.name;
    EXPECT_TRUE(ours.help.starts_with("[" + real.stability + "] "))
        << ours.name << ": " << ours.help;
  }
  // That all of the registry are in the list, which may have others that are made elsewhere.
  static void ExpectWithin(const std::string& list, const MetricRegistry& registry) {
    const auto real = ReadMetrics(list);
    for (const MetricDescription& each : registry.Descriptions()) {
      if (IsOfProcess(each.name)) continue;
      const auto found = real.find(each.name);
      if (found == real.end()) {
        ADD_FAILURE() << each.name << " is not Kubernetes'";
      } else {
        ExpectSame(each, found->second);
      }
    }
  }

  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{transport_, clock_, random_, informers_, "test"}};
  MetricRegistry metrics_, resources_;
  const Component component_{.name = "test", .controllers = {"some"}};
  std::atomic<bool> is_started_ = false;
  LeaderElection election_{client_, clock_, random_, {.lease = {"kube-system", "test"}}};
};

TEST_F(MetricNamesTest, OfControllersAreThoseOfKubeControllerManager) {
  ControllerOptions options;
  options.root_ca = "ca";
  options.allocate_node_cidrs = true;
  options.cluster_cidrs = {"10.244.0.0/16"};
  options.metrics = options.autoscaler.metrics = &metrics_;
  AddControllers(manager_, options);
  Compare({"controller-manager"});
}

TEST_F(MetricNamesTest, OfTheSchedulerAreThoseOfKubeScheduler) {
  scheduler::SchedulerOptions options;
  options.metrics = &metrics_;
  scheduler::AddScheduler(manager_, std::move(options));
  scheduler::AddPodResourceMetrics(resources_, manager_);
  Compare({"scheduler", "scheduler-resources"});
}

TEST_F(MetricNamesTest, OfTheNodeAreThoseOfTheKubelet) {
  kubelet::KubeletMetrics metrics("node-1");
  const RequestMetrics requests(metrics.registry);
  ExpectWithin("kubelet", metrics.registry);
  ExpectWithin("kubelet-probes", metrics.probe_registry);
}

TEST_F(MetricNamesTest, OfTheServiceProxyAreThoseOfKubeProxy) {
  MetricRegistry registry;
  const proxy::ProxyMetrics figures(registry, {proxy::IpFamily::kIpv4}, clock_);
  ExpectWithin("kube-proxy", registry);
}

TEST_F(MetricNamesTest, OfRequestsAreThoseOfKubeApiserver) {
  ServerMetrics metrics;
  ExpectWithin("apiserver", metrics.registry());
}

TEST_F(MetricNamesTest, ControllersThatLackSomethingDoNotRun) {
  using testing::Contains;
  using testing::Not;
  ControllerOptions options;
  EXPECT_THAT(RunningControllers(options), Contains("job-controller"));
  for (const char* name : {"node-ipam-controller", "root-ca-certificate-publisher-controller"}) {
    EXPECT_THAT(RunningControllers(options), Not(Contains(name)));
  }
  options.root_ca = "ca";
  options.allocate_node_cidrs = true;
  options.cluster_cidrs = {"10.244.0.0/16"};
  for (const char* name : {"node-ipam-controller", "root-ca-certificate-publisher-controller"}) {
    EXPECT_THAT(RunningControllers(options), Contains(name));
  }
  options.controllers = {"*", "-node-ipam-controller"};
  EXPECT_THAT(RunningControllers(options), Not(Contains("node-ipam-controller")));
}

TEST_F(MetricNamesTest, ControllersRunOnceTheyAreStarted) {
  const std::string line = "running_managed_controllers{name=\"some\",manager=\"test\"} 1\n";
  EXPECT_EQ(metrics_.Text().find(line), std::string::npos);
  is_started_ = true;
  EXPECT_NE(metrics_.Text().find(line), std::string::npos);
}

}  // namespace
}  // namespace skiff
