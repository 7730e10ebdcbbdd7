#include "skiff/listened_ports.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sstream>

namespace skiff {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::Pair;

TEST(ListenedPortsTest, AreThoseThatPacketsForTheMachineReach) {
  std::set<NodePort> ports;
  std::istringstream tcp(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
      "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
      "   1: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
      "   2: 3500007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
      "   3: 0101A8C0:01BB 0201A8C0:9999 01 00000000:00000000 00:00000000 00000000     0\n"
      "   4: 0101A8C0:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
      "broken\n");
  AddListenedPorts(tcp, "TCP", ports);
  std::istringstream tcp6(
      "  sl  local_address                         remote_address                        st\n"
      "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0\n"
      "   1: 00000000000000000000000001000000:0017 00000000000000000000000000000000:0000 0A 0\n"
      "   2: 0000000000000000FFFF00000100007F:0018 00000000000000000000000000000000:0000 0A 0\n");
  AddListenedPorts(tcp6, "TCP", ports);
  std::istringstream udp(
      "  sl  local_address rem_address   st tx_queue\n"
      "   0: 00000000:0202 00000000:0000 07 00000000:00000000\n"
      "   1: 0101A8C0:D431 0808A8C0:0035 01 00000000:00000000\n");
  AddListenedPorts(udp, "UDP", ports);
  EXPECT_THAT(ports,
              ElementsAre(Pair("TCP", 22), Pair("TCP", 80), Pair("TCP", 8080), Pair("UDP", 514)));
}

TEST(ListenedPortsTest, OneIsListenedAtAsLongAsItsSocketIsOpen) {
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {INADDR_ANY}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(file, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(file, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const NodePort port("TCP", ntohs(address.sin_port));
  EXPECT_THAT(ListenedPorts(), Not(Contains(port)));
  ASSERT_EQ(listen(file, 1), 0);
  EXPECT_THAT(ListenedPorts(), Contains(port));
  close(file);
  EXPECT_THAT(ListenedPorts(), Not(Contains(port)));
}

}  // namespace
}  // namespace skiff
