#include "kubelet/network/pod_network.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "api/codec/typed.h"
#include "api/values.h"
#include "base/network_test_host.h"
#include "client/transport.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;
using core_v1::Node;

class PodNetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    host_ = TestHost::Make();
    peer_ = TestHost::Make();
    if (!host_ || !peer_) GTEST_SKIP() << "making a network namespace needs root";
    Connect(*host_, "eth0", *peer_, "eth0", /*mtu=*/1400);
    host_->Do("ip address add 192.0.2.1/24 dev eth0");
    host_->Do("ip route add default via 192.0.2.254");
    folder_ = testing::TempDir() + "/skiff_pod_network_" + std::to_string(getpid());
    network_ = std::make_unique<PodNetwork>(
        NodeRouteLoop::Dependencies{
            .nodes = informers_.For<Node>(), .client = client_, .clock = clock_},
        PodNetwork::Options{.routes = {.node_name = "a"}, .cni_directory = folder_, .network = {}});
    network_->OnWritten([this] { ++written_; });
    network_->Start(executor_);
  }
  void TearDown() override {
    network_.reset();
    fs::remove_all(folder_);
  }
  Node NodeAt(const std::string& name, const std::string& ip, const std::string& cidr) {
    Node node;
    node.metadata.name = name;
    node.metadata.resource_version = std::to_string(++revision_);
    node.metadata.annotations[kTunnelMacAnnotation] = TunnelMac(name);
    if (!cidr.empty()) node.spec.pod_cidrs = {cidr};
    auto& address = node.status.addresses.emplace_back();
    address.type = "InternalIP";
    address.address = ip;
    return node;
  }
  void See(const std::vector<Node>& nodes) {
    std::vector<RawJson> items;
    for (const Node& node : nodes) items.push_back(ToJson(node));
    informers_.For<Node>().cache().Replace(items, std::to_string(revision_));
    host_->Run([&] { executor_.RunFor(NodeRouteLoop::kPause); });
  }
  // Its first part, about cables and addresses; null before there is one.
  Json Cables() {
    std::ifstream file(folder_ + "/10-skiff.conflist");
    const Json conflist = Json::parse(file, nullptr, /*allow_exceptions=*/false);
    return conflist.is_discarded() ? Json() : conflist["plugins"][0];
  }

  uint64_t revision_ = 1;
  int written_ = 0;
  FakeClock clock_;
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 500}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  std::unique_ptr<TestHost> host_, peer_;
  std::string folder_;
  std::unique_ptr<PodNetwork> network_;
};

TEST_F(PodNetworkTest, TheConfigurationFollowsTheNodesPlaceInTheCluster) {
  See({NodeAt("a", "192.0.2.1", "")});
  EXPECT_TRUE(Cables().is_null()) << "without pod CIDRs there is nothing to write";
  See({NodeAt("a", "192.0.2.1", "10.244.1.0/24")});
  EXPECT_EQ(Cables()["mtu"], 1400);
  EXPECT_EQ(Cables()["ipam"]["ranges"][0][0]["subnet"], "10.244.1.0/24");
  // A node behind a router joins: packets of pods started from now on fit through the tunnel.
  See({NodeAt("a", "192.0.2.1", "10.244.1.0/24"), NodeAt("c", "198.51.100.3", "10.244.3.0/24")});
  EXPECT_EQ(Cables()["mtu"], 1350);
  // Once for each place; once more where the range was known before the links were looked at.
  EXPECT_GE(written_, 2);
  EXPECT_LE(written_, 3);
}

TEST_F(PodNetworkTest, AnAddressThatIsOnNoLinkKeepsNoPodFromStarting) {
  See({NodeAt("a", "203.0.113.1", "10.244.1.0/24")});
  EXPECT_EQ(Cables()["mtu"], 1500);
}

}  // namespace
}  // namespace skiff
