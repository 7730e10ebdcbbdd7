#include "controllers/nodes/node_ttl_plan.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

int SecondsFor(NodeTtl& ttl, size_t nodes) {
  ttl.Resize(nodes);
  return ttl.seconds();
}

TEST(NodeTtl, GrowsWithTheCluster) {
  NodeTtl ttl;
  EXPECT_EQ(SecondsFor(ttl, 0), 0);
  EXPECT_EQ(SecondsFor(ttl, 100), 0);
  EXPECT_EQ(SecondsFor(ttl, 101), 15);
  EXPECT_EQ(SecondsFor(ttl, 501), 30);
  EXPECT_EQ(SecondsFor(ttl, 1001), 60);
  EXPECT_EQ(SecondsFor(ttl, 2001), 300);
}

TEST(NodeTtl, ShrinksLaterThanItGrew) {
  NodeTtl ttl;
  ttl.Resize(101);
  EXPECT_EQ(SecondsFor(ttl, 90), 15);
  EXPECT_EQ(SecondsFor(ttl, 89), 0);
  EXPECT_EQ(SecondsFor(ttl, 90), 0);
}

TEST(NodeTtl, FollowsManyNodesAtOnce) {
  NodeTtl ttl;
  EXPECT_EQ(SecondsFor(ttl, 5000), 300);
  EXPECT_EQ(SecondsFor(ttl, 3), 0);
}

}  // namespace
}  // namespace skiff
