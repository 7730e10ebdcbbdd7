#include "proxy/service_health.h"

#include <gtest/gtest.h>

namespace skiff::proxy {
namespace {

// Whoever may make Services makes as many of these servers as there are ports for them.
TEST(ServiceHealthTest, ThousandsOfServersHoldSoManyConnectionsTogether) {
  size_t all = 0;
  for (size_t servers = 0; servers < 2768; ++servers) {
    const http::Limits limits = HealthLimits(servers);
    EXPECT_GE(limits.connections_max, 8u);
    EXPECT_LT(limits.connections_per_address_max, limits.connections_max);
    EXPECT_GE(limits.arriving_per_address_max, 4u);
    all += limits.connections_max;
  }
  EXPECT_LT(all, 40'000u);
  EXPECT_EQ(HealthLimits(0).connections_max, 64u) << "load balancers of one have room";
}

}  // namespace
}  // namespace skiff::proxy
