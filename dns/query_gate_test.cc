#include "dns/query_gate.h"

#include <gtest/gtest.h>

namespace skiff::dns {
namespace {

bool Admits(const QueryGate& gate, const std::string& from, const View* view = nullptr) {
  return gate.Admits(*MakeSocketAddress(from, 4711), view);
}

TEST(QueryGateTest, WithoutNetworksEverybodyMayAsk) {
  const QueryGate gate({});
  EXPECT_TRUE(Admits(gate, "203.0.113.1"));
  EXPECT_TRUE(Admits(gate, "2001:db8::1"));
}

TEST(QueryGateTest, ItsNetworksMayAskAndOthersMayNot) {
  const QueryGate gate({*ParseCidr("10.1.2.3/16"), *ParseCidr("fd00::/64")});
  EXPECT_TRUE(Admits(gate, "10.1.255.255"));
  EXPECT_FALSE(Admits(gate, "10.2.0.0"));
  EXPECT_TRUE(Admits(gate, "::ffff:10.1.0.1"));
  EXPECT_TRUE(Admits(gate, "fd00::5"));
  EXPECT_FALSE(Admits(gate, "fd00:0:0:1::5"));
  EXPECT_TRUE(Admits(QueryGate({*ParseCidr("0.0.0.0/0")}), "203.0.113.1"));
  EXPECT_FALSE(Admits(QueryGate({*ParseCidr("0.0.0.0/0")}), "fd00::5"));
}

TEST(QueryGateTest, NodesOfTheClusterMayAsk) {
  ViewBuilder builder;
  builder.SetNodes({*ParseIp("203.0.113.1")});
  const auto view = builder.Build(1);
  const QueryGate gate({*ParseCidr("10.0.0.0/8")});
  EXPECT_TRUE(Admits(gate, "203.0.113.1", view.get()));
  EXPECT_FALSE(Admits(gate, "203.0.113.2", view.get()));
}

}  // namespace
}  // namespace skiff::dns
