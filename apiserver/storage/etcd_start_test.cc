#include <gtest/gtest.h>

#include "apiserver/storage/etcd_store.h"

namespace skiff {
namespace {

// Nobody listens on port 1.
TEST(EtcdStart, WhoIsToldToEndDoesNotWaitForADeadCluster) {
  const SystemClock clock;
  EtcdStore::Options options;
  options.client.servers = {"http://127.0.0.1:1"};
  options.initialization_timeout = 10min;
  int asked = 0;
  options.give_up = [&] { return ++asked == 3; };
  const Duration start = clock.Monotonic();
  EXPECT_FALSE(EtcdStore::Open(std::move(options), clock));
  EXPECT_EQ(asked, 3);
  EXPECT_LT(clock.Monotonic() - start, 1min);
}

}  // namespace
}  // namespace skiff
