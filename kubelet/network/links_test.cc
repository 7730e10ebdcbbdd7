// On the real kernel, in a network namespace of the test's own.
#include "kubelet/network/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/process.h"

namespace skiff {
namespace {

using testing::HasSubstr;

// Runs `body` on a thread that has a network namespace to itself. False when that is not allowed.
template <typename Body>
bool InOwnNetwork(Body body) {
  bool entered = false;
  std::thread([&] {
    entered = unshare(CLONE_NEWNET) == 0;
    if (entered) body();
  }).join();
  return entered;
}

#define SKIP_UNLESS(entered) \
  if (!(entered)) GTEST_SKIP() << "making a network namespace needs root"

void Ip(std::vector<std::string> words) {
  words.insert(words.begin(), "ip");
  const auto done = RunChecked({.argv = words});
  EXPECT_TRUE(done) << done.error().message;
}

std::string Routes() {
  return RunChecked({.argv = {"ip", "route", "show"}}).value_or("");
}

TEST(LinksTest, TheUplinkIsWhereTheBestDefaultRouteLeaves) {
  SKIP_UNLESS(InOwnNetwork([] {
    EXPECT_EQ(FindUplink().value(), std::nullopt);
    Ip({"link", "add", "near", "mtu", "1350", "type", "veth", "peer", "name", "far"});
    Ip({"address", "add", "10.1.0.2/24", "dev", "near"});
    Ip({"link", "set", "near", "up"});
    Ip({"link", "set", "far", "up"});
    Ip({"route", "add", "default", "via", "10.1.0.1", "metric", "100"});
    const auto uplink = FindUplink();
    ASSERT_TRUE(uplink) << uplink.error().message;
    ASSERT_TRUE(*uplink);
    EXPECT_EQ((*uplink)->name, "near");
    EXPECT_EQ((*uplink)->mtu, 1350);
  }));
}

TEST(LinksTest, AnUnreachableRouteRefusesAndLongerPrefixesWin) {
  SKIP_UNLESS(InOwnNetwork([] {
    Ip({"link", "set", "lo", "up"});
    for (int twice = 0; twice < 2; ++twice) {
      const auto added = AddUnreachableRoute("10.96.0.0/12");
      ASSERT_TRUE(added) << added.error().message;
    }
    EXPECT_THAT(Routes(), HasSubstr("unreachable 10.96.0.0/12"));
    const auto refused = RunProcess({.argv = {"ip", "route", "get", "10.96.0.10"}});
    ASSERT_TRUE(refused);
    EXPECT_NE(refused->exit_code, 0);
    Ip({"route", "add", "10.97.0.0/16", "dev", "lo"});
    Ip({"route", "get", "10.97.0.1"});
    for (int twice = 0; twice < 2; ++twice) {
      const auto removed = RemoveUnreachableRoute("10.96.0.0/12");
      ASSERT_TRUE(removed) << removed.error().message;
    }
    EXPECT_THAT(Routes(), testing::Not(HasSubstr("unreachable")));
    ASSERT_TRUE(AddUnreachableRoute("fd00:10:96::/112"));
    ASSERT_TRUE(RemoveUnreachableRoute("fd00:10:96::/112"));
    EXPECT_EQ(AddUnreachableRoute("10.96.0.0.0").error().reason, Reason::kInvalid);
  }));
}

TEST(LinksTest, DeletingALinkThatIsGoneIsNoError) {
  SKIP_UNLESS(InOwnNetwork([] {
    Ip({"link", "add", "cni9", "type", "bridge"});
    EXPECT_TRUE(DeleteLink("cni9"));
    EXPECT_NE(RunProcess({.argv = {"ip", "link", "show", "cni9"}})->exit_code, 0);
    const auto again = DeleteLink("cni9");
    EXPECT_TRUE(again) << again.error().message;
  }));
}

TEST(LinksTest, ForwardingIsSwitchedOnAndBack) {
  const std::string undo =
      testing::TempDir() + "/skiff_links_test_" + std::to_string(getpid()) + ".undo";
  SKIP_UNLESS(InOwnNetwork([&] {
    const auto forwarding = [] {
      int forwards = -1;
      std::ifstream("/proc/sys/net/ipv4/ip_forward") >> forwards;
      return forwards;
    };
    std::ofstream("/proc/sys/net/ipv4/ip_forward") << 0;
    ASSERT_EQ(forwarding(), 0);
    const auto enabled = EnableForwarding(undo, true);
    ASSERT_TRUE(enabled) << enabled.error().message;
    EXPECT_EQ(forwarding(), 1);
    ASSERT_TRUE(EnableForwarding(undo, true)) << "a second time";
    ASSERT_TRUE(RestoreForwarding(undo));
    EXPECT_EQ(forwarding(), 0);
    EXPECT_FALSE(std::filesystem::exists(undo));
  }));
}

TEST(LinksTest, WhoForwardsIpv6StillHearsTheRouterOfItsDefaultRoute) {
  const std::string undo =
      testing::TempDir() + "/skiff_links_test_" + std::to_string(getpid()) + ".undo6";
  SKIP_UNLESS(InOwnNetwork([&] {
    Ip({"link", "add", "up0", "type", "bridge"});
    Ip({"link", "set", "up0", "up"});
    Ip({"-6", "address", "add", "fd00:9::1/64", "dev", "up0", "nodad"});
    Ip({"-6", "route", "add", "default", "via", "fd00:9::2"});
    const auto read = [](const std::string& name) {
      int value = -1;
      std::ifstream("/proc/sys/net/ipv6/conf/" + name) >> value;
      return value;
    };
    ASSERT_EQ(read("up0/accept_ra"), 1);
    ASSERT_TRUE(EnableForwarding(undo, false));
    ASSERT_TRUE(EnableForwarding(undo, true)) << "what is changed later is kept, too";
    EXPECT_EQ(read("up0/accept_ra"), 2);
    EXPECT_EQ(read("all/forwarding"), 1);
    ASSERT_TRUE(HandOverForwarding(undo, undo + ".of-another"));
    EXPECT_FALSE(std::filesystem::exists(undo));
    Ip({"link", "delete", "up0"});
    const auto restored = RestoreForwarding(undo + ".of-another");
    EXPECT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(read("all/forwarding"), 0) << "though a switch has gone with its link";
  }));
}

}  // namespace
}  // namespace skiff
