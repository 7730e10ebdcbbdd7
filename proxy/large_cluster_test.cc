// Many services in the real kernel: how long everything takes to write, and a change of one. The
// figures are printed; what is checked is that they stay in proportion and that traffic passes.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <cstdio>

#include "base/network_test_host.h"
#include "proxy/rule_sync.h"

namespace skiff::proxy {
namespace {

constexpr int kServices = 1000;
constexpr int kEndpoints = 10;

std::string KeyOf(int service) {
  return "default/s" + std::to_string(service) + "/tcp";
}

ServicePortRules ServiceOf(int number) {
  ServicePortRules service;
  service.name = "default/s" + std::to_string(number);
  service.protocol = "tcp";
  service.cluster_ip =
      "10.96." + std::to_string(number / 250) + "." + std::to_string(number % 250 + 1);
  service.port = 80;
  service.has_endpoints = true;
  for (int i = 0; i < kEndpoints; ++i) {
    ServiceEndpoint endpoint;
    // All of them lead to the one server that there is.
    endpoint.ip = "10.244.0." + std::to_string(i + 1);
    endpoint.port = 8080;
    endpoint.ready = endpoint.serving = true;
    service.cluster_endpoints.push_back(endpoint);
  }
  return service;
}

// Time on a core, ours and that of programs that we ran: what a busy machine does not change.
long long CpuMs() {
  long long ms = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage = {};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      ms += time.tv_sec * 1000 + time.tv_usec / 1000;
    }
  }
  return ms;
}

class LargeClusterTest : public testing::TestWithParam<IptablesFlavour> {};

TEST_P(LargeClusterTest, AChangeOfOneServiceCostsLittleOfWhatAllCost) {
  const auto node = TestHost::Make();
  if (!node) GTEST_SKIP() << "making a network namespace needs root";
  for (int i = 1; i <= kEndpoints; ++i) {
    node->Do("ip address add 10.244.0." + std::to_string(i) + "/32 dev lo");
  }
  node->Do("ip link add skiff.svc type bridge");
  node->Do("ip link set skiff.svc up");
  node->Do("ip route add 10.96.0.0/16 dev skiff.svc src 10.244.0.1");
  TestServers servers;
  servers.Add(*node, "tcp", 8080, "server", "0.0.0.0");
  servers.Start();
  ServiceMap services;
  for (int i = 0; i < kServices; ++i) services[KeyOf(i)] = ServiceOf(i);
  const SystemClock clock;
  SyncReport full, again, partial;
  std::array<long long, 4> cpu_ms = {};
  node->Run([&] {
    auto netfilter = OpenIptables(IpFamily::kIpv4, GetParam());
    ASSERT_TRUE(netfilter) << netfilter.error().message;
    RuleSync rules(**netfilter, {.pod_cidr = "10.244.0.0/16"}, clock);
    cpu_ms[0] = CpuMs();
    const auto first = rules.Full(services);
    ASSERT_TRUE(first) << first.error().message;
    full = *first;
    EXPECT_EQ(rules.rules(), full.rules);
    cpu_ms[1] = CpuMs();
    const auto second = rules.Full(services);
    ASSERT_TRUE(second) << second.error().message;
    again = *second;
    services[KeyOf(500)].cluster_endpoints.pop_back();
    cpu_ms[2] = CpuMs();
    const auto third = rules.Partial(services, {KeyOf(500)});
    ASSERT_TRUE(third) << third.error().message;
    partial = *third;
    cpu_ms[3] = CpuMs();
  });
  for (const int service : {0, 500, kServices - 1}) {
    EXPECT_EQ(Ask(*node, "tcp", services[KeyOf(service)].cluster_ip, 80).substr(0, 6), "server");
  }
  const auto ms = [](Duration took) { return static_cast<long long>(took / 1ms); };
  std::printf(
      "%s: %d services with %d endpoints each: %zu rules in %zu chains written in %lld ms "
      "(%lld ms of a core), once more in %lld ms (%lld); one endpoint less: %zu rules in "
      "%zu chains in %lld ms (%lld)\n",
      FlavourText(GetParam()).c_str(), kServices, kEndpoints, full.rules.all(), full.chains,
      ms(full.took), cpu_ms[1] - cpu_ms[0], ms(again.took), cpu_ms[2] - cpu_ms[1],
      partial.rules.all(), partial.chains, ms(partial.took), cpu_ms[3] - cpu_ms[2]);
  EXPECT_EQ(partial.chains, kEndpoints);  // One for the service and nine for its endpoints.
  // In time on a core: what else the machine does is no matter.
  EXPECT_LT(cpu_ms[3] - cpu_ms[2], cpu_ms[1] - cpu_ms[0]);
}

INSTANTIATE_TEST_SUITE_P(Flavours, LargeClusterTest,
                         testing::Values(IptablesFlavour::kNft, IptablesFlavour::kLegacy),
                         [](const auto& info) { return FlavourText(info.param); });

}  // namespace
}  // namespace skiff::proxy
