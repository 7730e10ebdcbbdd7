#include "skiff/shadowed_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

core_v1::Service Balanced(const std::vector<int>& ports, const std::string& address) {
  core_v1::Service service;
  service.spec.type = "LoadBalancer";
  for (const int port : ports) {
    auto& entry = service.spec.ports.emplace_back();
    entry.port = port;
    entry.protocol = "TCP";
  }
  if (!address.empty()) service.status.load_balancer.ingress.emplace_back().ip = address;
  return service;
}

TEST(ShadowedPortsTest, AreThoseThatAServiceIsGivenAnewAtThisMachine) {
  const std::vector<std::string> own = {"192.0.2.1", "2001:db8::1"};
  const core_v1::Service waits = Balanced({80, 81}, "");
  const core_v1::Service has = Balanced({80, 81}, "2001:db8::1");
  const core_v1::Service elsewhere = Balanced({80, 81}, "192.0.2.2");
  EXPECT_THAT(PortsGiven(nullptr, waits, own), IsEmpty());
  EXPECT_THAT(PortsGiven(&waits, elsewhere, own), IsEmpty());
  EXPECT_THAT(PortsGiven(nullptr, has, own), ElementsAre(NodePort("TCP", 80), NodePort("TCP", 81)));
  EXPECT_THAT(PortsGiven(&waits, has, own), ElementsAre(NodePort("TCP", 80), NodePort("TCP", 81)));
  EXPECT_THAT(PortsGiven(&elsewhere, has, own).size(), 2);
  EXPECT_THAT(PortsGiven(&has, has, own), IsEmpty()) << "it is told once";
  core_v1::Service more = Balanced({81, 82}, own[0]);
  EXPECT_THAT(PortsGiven(&has, more, own), ElementsAre(NodePort("TCP", 82)));
  auto& told = more.status.load_balancer.ingress[0].ports.emplace_back();
  told.port = 81;
  told.protocol = "TCP";
  EXPECT_THAT(PortsGiven(&has, more, own), IsEmpty()) << "82 is only asked for";
}

}  // namespace
}  // namespace skiff
