#include "api/rules/network/balanced_ports.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(BalancedPortsTest, AreThoseThatTheStatusTellsOrAll) {
  core_v1::Service service;
  core_v1::ServicePort http;
  http.port = 80;  // Of TCP, as nothing else is said.
  core_v1::ServicePort dns;
  dns.port = 53;
  dns.protocol = "UDP";
  EXPECT_TRUE(BalancedPorts(service).Has(http));
  auto& given = service.status.load_balancer.ingress;
  given.resize(2);
  EXPECT_TRUE(BalancedPorts(service).Has(dns)) << "which port is not told";
  auto& told = given[0].ports.emplace_back();
  told.port = 53;
  told.protocol = "TCP";
  EXPECT_FALSE(BalancedPorts(service).Has(dns));
  EXPECT_FALSE(BalancedPorts(service).Has(http));
  given[1].ports.emplace_back(told).protocol = "UDP";
  EXPECT_TRUE(BalancedPorts(service).Has(dns));
  given[0].ports[0].port = 80;
  EXPECT_TRUE(BalancedPorts(service).Has(http));
}

}  // namespace
}  // namespace skiff
