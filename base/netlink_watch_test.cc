// On the real kernel, in a network namespace of the test's own.
#include "base/netlink_watch.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/network_test_host.h"

namespace skiff {
namespace {

TEST(NetlinkWatchTest, TellsOfWhatMattersAndOfNothingElse) {
  const auto host = TestHost::Make();
  if (!host) GTEST_SKIP() << "making a network namespace needs root";
  Mutex mutex;
  CondVar changed;
  int told = 0;
  std::unique_ptr<NetlinkWatch> watch;
  host->Run([&] {
    auto started = NetlinkWatch::Start({.protocol = NETLINK_ROUTE,
                                        .groups = {RTNLGRP_LINK},
                                        .matters =
                                            [](const nlmsghdr& message) {
                                              return message.nlmsg_type == RTM_DELLINK &&
                                                     NetlinkText(message, sizeof(ifinfomsg),
                                                                 IFLA_IFNAME) == "second";
                                            },
                                        .changed =
                                            [&] {
                                              const MutexLock lock(mutex);
                                              ++told;
                                              changed.notify_all();
                                            }});
    ASSERT_TRUE(started) << started.error().message;
    watch = std::move(*started);
  });
  for (const char* name : {"first", "second"}) {
    host->Do(std::string("ip link add ") + name + " type bridge");
    host->Do(std::string("ip link del ") + name);
  }
  MutexLock lock(mutex);
  EXPECT_TRUE(changed.wait_for(lock, 20s, [&] { return told > 0; }));
  EXPECT_EQ(told, 1);
}

TEST(NetlinkWatchTest, AGroupThatTheKernelDoesNotHaveIsRefused) {
  EXPECT_FALSE(NetlinkWatch::Start({.protocol = NETLINK_ROUTE,
                                    .groups = {100'000},
                                    .matters = [](const nlmsghdr&) { return false; },
                                    .changed = [] {}}));
}

TEST(NetlinkWatchTest, MessagesCutShortHaveNoText) {
  alignas(nlmsghdr) char bytes[64] = {};
  auto* message = reinterpret_cast<nlmsghdr*>(bytes);
  message->nlmsg_len = NLMSG_HDRLEN + 4 + 12;
  auto* attribute = reinterpret_cast<nlattr*>(bytes + NLMSG_HDRLEN + 4);
  attribute->nla_type = 3;
  attribute->nla_len = NLA_HDRLEN + 5;
  std::memcpy(bytes + NLMSG_HDRLEN + 4 + NLA_HDRLEN, "eth0", 5);
  EXPECT_EQ(NetlinkText(*message, 4, 3), "eth0");
  EXPECT_EQ(NetlinkText(*message, 4, 4), "");
  attribute->nla_len = 2000;
  EXPECT_EQ(NetlinkText(*message, 4, 3), "");
  attribute->nla_len = 0;
  EXPECT_EQ(NetlinkText(*message, 4, 3), "");
}

}  // namespace
}  // namespace skiff
