// The proxier on the real iptables, in a network namespace of the test's own: informers whose
// contents the test sets, an executor with threads, rules in the kernel.
#include "proxy/proxier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/id.h"
#include "base/network_test_host.h"
#include "client/transport.h"

namespace skiff::proxy {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int kHealthPort = 17600;

// Passes everything on to the real one, in the namespace of `host` whatever thread it is called on,
// and lets the test wait for writes.
class WatchedNetfilter final : public Netfilter {
 public:
  WatchedNetfilter(std::unique_ptr<Netfilter> real, const TestHost& host)
      : real_(std::move(real)), host_(host) {}
  std::string name() const override { return real_->name(); }
  size_t restore_rules_max() const override { return real_->restore_rules_max(); }
  Result<int> EnsureJumps(const std::vector<Jump>& jumps) override {
    host_.Enter();
    const auto made = real_->EnsureJumps(jumps);
    MutexLock lock(mutex_);
    // The last thing that a full write does.
    if (made && *made > 0) ++full_writes_;
    changed_.notify_all();
    return made;
  }
  Result<> Restore(const std::string& text) override {
    host_.Enter();
    auto restored = real_->Restore(text);
    MutexLock lock(mutex_);
    last_text_ = text;
    changed_.notify_all();
    return restored;
  }
  bool CanaryLives() override {
    host_.Enter();
    return real_->CanaryLives();
  }
  Result<> MakeCanary() override {
    host_.Enter();
    return real_->MakeCanary();
  }
  Result<RuleSet> OurChains() override {
    host_.Enter();
    return real_->OurChains();
  }
  Result<> AllowLocalNodePorts() override {
    host_.Enter();
    return real_->AllowLocalNodePorts();
  }
  Result<> RemoveAll() override {
    host_.Enter();
    return real_->RemoveAll();
  }
  Result<int> ForgetUdp(const ServiceMap& services, const std::set<std::string>& keys) override {
    host_.Enter();
    return real_->ForgetUdp(services, keys);
  }
  bool OnDeletions(std::function<void()> look) override {
    host_.Enter();
    const bool told = real_->OnDeletions(std::move(look));
    MutexLock lock(mutex_);
    watching_ = true;
    changed_.notify_all();
    return told;
  }
  void StopWatching() override { real_->StopWatching(); }

  bool WaitUntilSynced() {
    return WaitFor([&] { return watching_; });
  }
  bool WaitForFullWrites(int count) {
    return WaitFor([&] { return full_writes_ >= count; });
  }
  bool WaitForText(const std::string& part) {
    return WaitFor([&] { return last_text_.find(part) != std::string::npos; });
  }
  std::string last_text() {
    MutexLock lock(mutex_);
    return last_text_;
  }

 private:
  template <typename Condition>
  bool WaitFor(Condition condition) {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock, 20s, condition);
  }
  const std::unique_ptr<Netfilter> real_;
  const TestHost& host_;
  Mutex mutex_;
  CondVar changed_;
  bool watching_ = false;
  int full_writes_ = 0;
  std::string last_text_;
};

class ProxierTest : public testing::TestWithParam<IptablesFlavour> {
 protected:
  void SetUp() override {
    node_ = TestHost::Make();
    if (!node_) GTEST_SKIP() << "making a network namespace needs root";
    node_->Do("ip address add 10.0.0.1/32 dev lo");
    servers_.Add(*node_, "tcp", 8080, "pod", "10.0.0.1");
    servers_.Start();
    node_->Run([&] {
      auto opened = OpenIptables(IpFamily::kIpv4, GetParam());
      ASSERT_TRUE(opened) << opened.error().message;
      netfilter_ = std::make_unique<WatchedNetfilter>(std::move(*opened), *node_);
      // Threads are in the namespace of the thread that starts them.
      loops_ = std::make_unique<http::Loops>(1);
      health_ = std::make_unique<ServiceHealthServers>(*loops_);
      proxier_ = std::make_unique<Proxier>(
          Proxier::Dependencies{
              informers_.For<core_v1::Service>(), informers_.For<discovery_v1::EndpointSlice>(),
              informers_.For<core_v1::Node>(), clock_, *netfilter_, health_.get()},
          "node-a", IptablesOptions{.pod_cidr = "10.0.0.0/24"},
          ProxierTimes{.min_sync_period = 1ms, .sync_period = 100ms});
      executor_.Add(*proxier_);
    });
    nodes().Replace({}, "1");
    SetServices({"web"});
    SetEndpoints({"10.0.0.1"});
    ASSERT_TRUE(netfilter_->WaitUntilSynced());
  }
  void TearDown() override {
    if (proxier_) executor_.Remove(*proxier_);
  }

  InformerCache& nodes() { return informers_.For<core_v1::Node>().cache(); }
  void SetServices(const std::vector<std::string>& names) {
    std::vector<RawJson> items;
    for (const std::string& name : names) {
      core_v1::Service service;
      service.metadata.namespace_ = "default";
      service.metadata.name = name;
      service.spec.type = "LoadBalancer";
      service.spec.cluster_ip = "10.96.0." + std::to_string(10 + items.size());
      service.spec.external_traffic_policy = "Local";
      service.spec.health_check_node_port = kHealthPort + static_cast<int>(items.size());
      core_v1::ServicePort port;
      port.protocol = "TCP";
      port.port = 80;
      service.spec.ports = {port};
      service.metadata.resource_version = std::to_string(++revision_);
      items.push_back(ToJson(service));
    }
    informers_.For<core_v1::Service>().cache().Replace(items, std::to_string(revision_));
  }
  void SetEndpoints(const std::vector<std::string>& ips) {
    discovery_v1::EndpointSlice slice;
    slice.metadata.namespace_ = "default";
    slice.metadata.name = "web-1";
    slice.metadata.labels["kubernetes.io/service-name"] = "web";
    slice.address_type = "IPv4";
    slice.ports.emplace_back().port = 8080;
    for (const std::string& ip : ips) {
      auto& endpoint = slice.endpoints.emplace_back();
      endpoint.addresses = {ip};
      endpoint.node_name = "node-a";
    }
    slice.metadata.resource_version = std::to_string(++revision_);
    informers_.For<discovery_v1::EndpointSlice>().cache().Replace({ToJson(slice)},
                                                                  std::to_string(revision_));
  }
  // As a node does: to a device that leads nowhere.
  void RouteServices() {
    node_->Do("ip link add skiff.svc type bridge");
    node_->Do("ip link set skiff.svc up");
    node_->Do("ip route add 10.96.0.0/16 dev skiff.svc src 10.0.0.1");
  }
  std::string AskWeb() { return Ask(*node_, "tcp", "10.96.0.10", 80).substr(0, 3); }
  std::string Curl(int port) {
    std::string out;
    node_->Run([&] {
      out = RunProcess({.argv = {"curl", "-si", "http://127.0.0.1:" + std::to_string(port) + "/"}})
                .value_or(ProcessOutput{})
                .out;
    });
    return out;
  }

  uint64_t revision_ = 1;
  const SystemClock clock_;
  SystemRandom random_;
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 500}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  std::unique_ptr<TestHost> node_;
  TestServers servers_;
  std::unique_ptr<http::Loops> loops_;
  std::unique_ptr<ServiceHealthServers> health_;
  std::unique_ptr<WatchedNetfilter> netfilter_;
  std::unique_ptr<Proxier> proxier_;
  ThreadExecutor executor_{"proxy", 1};
};

TEST_P(ProxierTest, FollowsServicesAndEndpoints) {
  RouteServices();
  EXPECT_TRUE(proxier_->synced());
  EXPECT_EQ(AskWeb(), "pod");
  SetEndpoints({});
  ASSERT_TRUE(netfilter_->WaitForText("default/web has no endpoints"));
  EXPECT_EQ(AskWeb(), "ref");
  SetServices({"web", "other"});
  ASSERT_TRUE(netfilter_->WaitForText("default/other has no endpoints"));
  SetEndpoints({"10.0.0.1"});
  ASSERT_TRUE(netfilter_->WaitForText("default/web cluster IP"));
  EXPECT_EQ(AskWeb(), "pod");
  // Its own chains and the two shared ones that it left or entered.
  EXPECT_THAT(netfilter_->last_text(), Not(HasSubstr(":KUBE-NODEPORTS")));
}

TEST_P(ProxierTest, WritesTheRulesAgainWhenSomebodyFlushedThem) {
  RouteServices();
  ASSERT_TRUE(netfilter_->WaitForFullWrites(1));
  EXPECT_EQ(AskWeb(), "pod");
  // Replaces everything in the tables by nothing, at once.
  node_->Run([&] {
    const auto flushed =
        RunChecked({.argv = {netfilter_->name() + "-restore"},
                    .stdin_text = "*nat\nCOMMIT\n*filter\nCOMMIT\n*mangle\nCOMMIT\n"});
    ASSERT_TRUE(flushed) << flushed.error().message;
  });
  ASSERT_TRUE(netfilter_->WaitForFullWrites(2));
  EXPECT_EQ(AskWeb(), "pod");
}

TEST_P(ProxierTest, AnswersWhetherTheNodeHasEndpointsOfItsOwn) {
  ASSERT_TRUE(netfilter_->WaitForFullWrites(1));
  SetServices({"web", "other"});
  ASSERT_TRUE(netfilter_->WaitForText("default/other has no endpoints"));
  executor_.Remove(*proxier_);  // It has told the servers when it no longer runs.
  const std::string web = Curl(kHealthPort);
  EXPECT_THAT(web, HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_THAT(web, HasSubstr("X-Load-Balancing-Endpoint-Weight: 1"));
  EXPECT_THAT(web, HasSubstr("\t\"service\": {\n\t\t\"namespace\": \"default\","));
  EXPECT_THAT(web, HasSubstr("\t\"localEndpoints\": 1,\n\t\"serviceProxyHealthy\": true\n}"));
  EXPECT_THAT(Curl(kHealthPort + 1), HasSubstr("HTTP/1.1 503 Service Unavailable"));
  health_->SetProxyHealthy(IpFamily::kIpv4, false);
  health_->SetProxyHealthy(IpFamily::kIpv6, true);
  EXPECT_THAT(Curl(kHealthPort), HasSubstr("HTTP/1.1 503 Service Unavailable"))
      << "the rules of one family are not all";
  health_->SetProxyHealthy(IpFamily::kIpv4, true);
  health_->Update(IpFamily::kIpv6,
                  {{"default/web", {.port = kHealthPort, .local_endpoints = {"fd00::1"}}}});
  EXPECT_THAT(Curl(kHealthPort), HasSubstr("\t\"localEndpoints\": 1,"))
      << "a pod with two addresses is one";
  health_->Update(IpFamily::kIpv6, {});
  health_->Update(IpFamily::kIpv4, {});
  EXPECT_EQ(Curl(kHealthPort), "");
}

INSTANTIATE_TEST_SUITE_P(Flavours, ProxierTest,
                         testing::Values(IptablesFlavour::kNft, IptablesFlavour::kLegacy),
                         [](const auto& info) { return FlavourText(info.param); });

}  // namespace
}  // namespace skiff::proxy
