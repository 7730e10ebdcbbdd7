#include "skiff/given_flags.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "base/test_port.h"
#include "skiff/host_facts.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(GivenFlagsTest, WhatARunningClusterDoesNotDoIsForANewStart) {
  const std::vector<std::string> running = {"--foreground", "--nodes", "3", "--durability=memory",
                                            "--register-with-taints=a=b:NoSchedule"};
  const auto for_new = [&](const Flags::Given& asked) { return FlagsForNewStart(asked, running); };
  EXPECT_THAT(for_new({}), IsEmpty());
  EXPECT_THAT(for_new({{"nodes", "3"}, {"secure-port", "6443"}, {"data-dir", "/x"}}), IsEmpty())
      << "the same, or what is so by default";
  EXPECT_THAT(for_new({{"merge-kubeconfig", "true"}}), IsEmpty()) << "that can be done now";
  EXPECT_THAT(for_new({{"register-with-taints", "a=b:NoSchedule"}}), IsEmpty());
  EXPECT_THAT(for_new({{"nodes", "0"}}), ElementsAre("--nodes=0"));
  EXPECT_THAT(for_new({{"nodes", "3"}, {"nodes", "4"}}), ElementsAre("--nodes=4")) << "it counts";
  EXPECT_THAT(for_new({{"secure-port", "7443"}, {"durability", "sync"}}),
              ElementsAre("--secure-port=7443", "--durability=sync"));
}

TEST(GivenFlagsTest, AClusterIsStartedAgainAsItWas) {
  EXPECT_THAT(FlagsToStartAgain({{"nodes", "3"},
                                 {"secure-port", "7443"},
                                 {"data-dir", "/x"},
                                 {"merge-kubeconfig", "true"},
                                 {"secrets-encryption", "true"},
                                 {"bootstrap-token", "abcdef.0123456789abcdef"},
                                 {"kube-apiserver-arg", "audit-log-path=/a b.log"}}),
              ElementsAre("--nodes=3", "--secure-port=7443", "--secrets-encryption",
                          "--kube-apiserver-arg=audit-log-path=/a b.log"));
  const std::string relative = FlagsToStartAgain({{"join-file", "x"}}).at(0);
  EXPECT_TRUE(relative.starts_with("--join-file=/") && relative.ends_with("/x")) << relative;
  ClusterOptions options{.data_dir = testing::TempDir() + "again-" + std::to_string(getpid()),
                         .simulated_nodes = 3};
  std::filesystem::create_directories(options.data_dir);
  ASSERT_TRUE(WriteClusterMark(options));
  EXPECT_EQ(UpCommandOf(options.data_dir), "skiff up --nodes=3 --data-dir=" + options.data_dir);
  options.start_flags = {
      "--nodes=3", "--secure-port=7443",   "; id;",
      "--$(id)=x", "--secrets-encryption", "--kube-apiserver-arg=audit-log-path=/a b.log"};
  ASSERT_TRUE(WriteClusterMark(options));
  EXPECT_EQ(UpCommandOf(options.data_dir),
            "skiff up --nodes=3 --secure-port=7443 --secrets-encryption "
            "--kube-apiserver-arg='audit-log-path=/a b.log' --data-dir=" +
                options.data_dir);
  // Of one that was not started by flags, or by an earlier version.
  options.start_flags.clear();
  options.service_cidr = "10.97.0.0/16";
  options.cluster_cidr = "$(id)";
  ASSERT_TRUE(WriteClusterMark(options));
  EXPECT_EQ(UpCommandOf(options.data_dir),
            "skiff up --nodes=3 --service-cluster-ip-range=10.97.0.0/16 --cluster-cidr='$(id)' "
            "--data-dir=" +
                options.data_dir);
  options.start_flags = {"--service-cluster-ip-range=10.97.0.0/16", "--nodes=3"};
  options.cluster_cidr = "10.244.0.0/16";
  ASSERT_TRUE(WriteClusterMark(options));
  EXPECT_EQ(
      UpCommandOf(options.data_dir),
      "skiff up --service-cluster-ip-range=10.97.0.0/16 --nodes=3 --data-dir=" + options.data_dir);
  std::filesystem::remove_all(options.data_dir);
}

TEST(GivenFlagsTest, ACopyIsStartedBesideItsOriginal) {
  const int taken = FreePort();
  ClusterOptions options{.data_dir = testing::TempDir() + "copy-" + std::to_string(getpid()),
                         .simulated_nodes = 3};
  options.start_flags = {"--nodes=3", fmt::format("--secure-port={}", taken)};
  std::filesystem::create_directories(options.data_dir);
  ASSERT_TRUE(WriteClusterMark(options));
  EXPECT_EQ(UpCommandOfCopy(options.data_dir), UpCommandOf(options.data_dir));
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(taken));
  ASSERT_EQ(bind(file, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(file, 1), 0);
  const std::string command = UpCommandOfCopy(options.data_dir);
  close(file);
  EXPECT_THAT(command, testing::StartsWith("skiff up --nodes=3 --secure-port="));
  EXPECT_THAT(command, testing::Not(testing::HasSubstr(std::to_string(taken))));
  std::filesystem::remove_all(options.data_dir);
}

TEST(GivenFlagsTest, SimulatedNodesRefuseWhatTheyCannotFollow) {
  for (const char* name : {"node-name", "kubelet-port", "load-image", "eviction-hard",
                           "container-runtime-endpoint", "register-with-taints", "iptables-flavour",
                           "leave-nothing", "ingress", "ingress-http-port"}) {
    const auto checked = CheckFlagsOfSimulated({{"nodes", "2"}, {name, "x"}});
    ASSERT_FALSE(checked) << name;
    EXPECT_THAT(checked.error().message, HasSubstr(std::string("--") + name + ": "));
  }
  EXPECT_TRUE(CheckFlagsOfSimulated({{"nodes", "2"}, {"secure-port", "7443"}}));
  EXPECT_TRUE(CheckFlagsOfSimulated({{"leave-nothing", "false"}}));
  EXPECT_TRUE(CheckFlagsOfSimulated({{"node-name", "a"}}));
  EXPECT_FALSE(CheckFlagsOfSimulated({{"nodes", "0"}}));
}

}  // namespace
}  // namespace skiff
