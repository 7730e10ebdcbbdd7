#include "api/pods/host_ports.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

core_v1::ContainerPort Port(int32_t host_port, const std::string& ip = "",
                            const std::string& protocol = "") {
  core_v1::ContainerPort port;
  port.container_port = 80;
  port.host_port = host_port;
  port.host_ip = ip;
  port.protocol = protocol;
  return port;
}

TEST(HostPortsTest, ContainersAndSidecarsHoldThem) {
  core_v1::PodSpec spec;
  spec.containers.emplace_back().ports = {Port(0), Port(80), Port(53, "10.0.0.1", "UDP")};
  spec.init_containers.emplace_back().ports = {Port(81)};
  auto& sidecar = spec.init_containers.emplace_back();
  sidecar.restart_policy = "Always";
  sidecar.ports = {Port(82)};
  const std::vector<PodHostPort> expected = {
      {"0.0.0.0", "TCP", 80}, {"10.0.0.1", "UDP", 53}, {"0.0.0.0", "TCP", 82}};
  EXPECT_EQ(HostPortsOf(spec), expected);
}

TEST(HostPortsTest, AnAddressConflictsWithItselfAndWithAll) {
  const PodHostPort one{"10.0.0.1", "TCP", 80};
  EXPECT_TRUE(Conflict(one, one));
  EXPECT_TRUE(Conflict(one, {"0.0.0.0", "TCP", 80}));
  EXPECT_FALSE(Conflict(one, {"10.0.0.2", "TCP", 80}));
  EXPECT_FALSE(Conflict(one, {"10.0.0.1", "UDP", 80}));
  EXPECT_FALSE(Conflict(one, {"10.0.0.1", "TCP", 81}));
}

}  // namespace
}  // namespace skiff
