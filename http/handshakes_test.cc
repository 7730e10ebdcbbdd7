#include "http/handshakes.h"

#include <gtest/gtest.h>

namespace skiff::http {
namespace {

struct Nobody {};

TEST(Handshakes, TheNewestGoesOnWhenAPlaceGetsFree) {
  Handshakes<Nobody> handshakes({.total = 2, .per_address = 2});
  Nobody a, b, c, d;
  EXPECT_TRUE(handshakes.Begin(a, "1"));
  EXPECT_TRUE(handshakes.Begin(b, "2"));
  EXPECT_FALSE(handshakes.IsInTheWay(a));
  EXPECT_FALSE(handshakes.Begin(c, "3"));
  EXPECT_FALSE(handshakes.Begin(d, "4"));
  EXPECT_TRUE(handshakes.IsInTheWay(a));
  EXPECT_FALSE(handshakes.IsInTheWay(c));
  EXPECT_EQ(handshakes.End(a), &d);
  EXPECT_EQ(handshakes.End(a), nullptr);
  EXPECT_EQ(handshakes.begun(), 2u);
  EXPECT_EQ(handshakes.End(c), nullptr) << "it only waited";
  EXPECT_EQ(handshakes.End(b), nullptr);
  EXPECT_EQ(handshakes.End(d), nullptr);
  EXPECT_EQ(handshakes.begun() + handshakes.waiting(), 0u);
}

TEST(Handshakes, OneAddressHasItsShareAndDoesNotKeepOthersWaiting) {
  Handshakes<Nobody> handshakes({.total = 3, .per_address = 1});
  Nobody a, b, c, d;
  EXPECT_TRUE(handshakes.Begin(a, "1"));
  EXPECT_FALSE(handshakes.Begin(b, "1"));
  EXPECT_TRUE(handshakes.Begin(c, "2"));
  EXPECT_FALSE(handshakes.Begin(d, "1"));
  EXPECT_TRUE(handshakes.IsInTheWay(a));
  EXPECT_FALSE(handshakes.IsInTheWay(c)) << "those who wait are of another address";
  EXPECT_EQ(handshakes.End(c), nullptr);
  EXPECT_EQ(handshakes.End(a), &d);
}

}  // namespace
}  // namespace skiff::http
