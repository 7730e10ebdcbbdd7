#include "skiff/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/certificates.h"
#include "http/server.h"
#include "skiff/daemon.h"
#include "skiff/doctor.h"
#include "skiff/node_certificates.h"

namespace skiff {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A machine that lacks nothing.
HostFacts GoodHost() {
  HostFacts facts;
  facts.is_root = true;
  facts.may_mount = true;
  facts.ports = {{"0.0.0.0", 6443, "--secure-port"}, {"0.0.0.0", 10250, "--kubelet-port"}};
  facts.networks = {{"eth0", "192.168.1.7/24"}};
  return facts;
}

ClusterOptions Defaults() {
  ClusterOptions options;
  options.data_dir = "/var/lib/skiff";
  return options;
}

MATCHER_P2(FailsWith, finding, remedy, "") {
  return arg.verdict == CheckVerdict::kFailed &&
         testing::ExplainMatchResult(HasSubstr(finding), arg.finding, result_listener) &&
         testing::ExplainMatchResult(HasSubstr(remedy), arg.remedy, result_listener);
}

TEST(ChecksTest, AGoodMachinePassesThemAll) {
  const auto checks = AllChecks(GoodHost(), Defaults());
  EXPECT_THAT(checks, Each(Field(&Check::verdict, CheckVerdict::kOk)));
  EXPECT_THAT(checks, Each(Field(&Check::remedy, IsEmpty())));
  EXPECT_GE(checks.size(), 10u);
}

TEST(ChecksTest, WhatIsMissingIsNamedWithItsRemedy) {
  HostFacts facts = GoodHost();
  facts.is_root = false;
  EXPECT_THAT(CheckRoot(facts), FailsWith("need root", "sudo"));
  facts.is_root = true;
  facts.may_mount = false;
  EXPECT_THAT(CheckRoot(facts), FailsWith("CAP_SYS_ADMIN", "--privileged"));
  facts.missing_programs = {"containerd", "runc"};
  EXPECT_THAT(CheckPrograms(facts),
              FailsWith("containerd, runc", "apt-get install containerd runc"));
  facts.missing_plugins = {"ptp"};
  EXPECT_THAT(CheckNetworkPlugins(facts), FailsWith("ptp", "containernetworking-plugins"));
  facts.iptables_problem = "iptables is not installed";
  EXPECT_THAT(CheckIptables(facts), FailsWith("not installed", "apt-get install iptables"));
  facts.runtime_problem = "nobody answers at unix:///x";
  EXPECT_THAT(CheckRuntime(facts), FailsWith("unix:///x", "--container-runtime-endpoint"));
  facts.cgroup_problem = "/sys/fs/cgroup: Read-only file system";
  EXPECT_THAT(CheckCgroups(facts), FailsWith("Read-only", "--cgroupns host"));
  facts.has_cgroups = false;
  EXPECT_THAT(CheckCgroups(facts), FailsWith("no cgroups are mounted", "mount -t cgroup2"));
  facts.has_loopback = false;
  EXPECT_THAT(CheckLoopback(facts), FailsWith("is down", "ip link set lo up"));
}

TEST(ChecksTest, OverlayfsThatDoesNotWorkIsOnlyAWarning) {
  HostFacts facts = GoodHost();
  facts.overlay_problem = "invalid argument";
  EXPECT_EQ(CheckOverlay(facts).verdict, CheckVerdict::kWarning);
}

TEST(ChecksTest, ANodeThatWouldRunNoPodsForWantOfDiskIsAWarning) {
  HostFacts facts = GoodHost();
  ClusterOptions options = Defaults();
  facts.data_dir.free_percent = 3.0;
  EXPECT_EQ(CheckDisk(facts, options).verdict, CheckVerdict::kOk);
  facts.data_dir.free_percent = 2.94;
  const Check full = CheckDisk(facts, options);
  EXPECT_EQ(full.verdict, CheckVerdict::kWarning);
  EXPECT_THAT(full.finding, HasSubstr("2.9 % of the data directory's is free"));
  EXPECT_THAT(full.remedy, HasSubstr("--eviction-hard="));
  const auto is_disk = Field(&Check::name, "disk");
  EXPECT_THAT(AllChecks(facts, options), Contains(is_disk));
  options.eviction_hard = {"nodefs.available<1Mi"};
  EXPECT_EQ(CheckDisk(facts, options).verdict, CheckVerdict::kOk) << "who asks knows";
  options = Defaults();
  options.simulated_nodes = 3;
  EXPECT_THAT(AllChecks(facts, options), Not(Contains(is_disk)));
}

TEST(ChecksTest, SimulatedNodesAndRealOnesDoNotShareADirectory) {
  const auto check = [](int before, int now) {
    HostFacts facts = GoodHost();
    facts.data_dir.has_mark = facts.data_dir.is_server = true;
    facts.data_dir.simulated_nodes = before;
    facts.data_dir.up_command = "skiff up --secure-port=7443";
    ClusterOptions options = Defaults();
    options.simulated_nodes = now;
    return CheckDataDir(facts, options);
  };
  EXPECT_THAT(check(2, 0), FailsWith("of 2 simulated nodes", "`skiff up --secure-port=7443`"));
  EXPECT_THAT(check(0, 2), FailsWith("nodes run containers", "`skiff up --secure-port=7443`"));
  EXPECT_EQ(check(2, 5).verdict, CheckVerdict::kOk);
  EXPECT_EQ(check(0, 0).verdict, CheckVerdict::kOk);
}

TEST(ChecksTest, ADataDirectoryIsOursAloneOrEmpty) {
  const auto check = [](auto change, bool is_server = true) {
    HostFacts facts = GoodHost();
    change(facts.data_dir);
    ClusterOptions options = Defaults();
    options.is_server = is_server;
    return CheckDataDir(facts, options);
  };
  EXPECT_THAT(check([](auto& it) { it.problem = "Permission denied"; }),
              FailsWith("cannot be written: Permission denied", "--data-dir"));
  EXPECT_THAT(check([](auto& it) { it.narrowness = "only 40 MB are free"; }),
              FailsWith("has too little room: only 40 MB are free", "make room"));
  EXPECT_THAT(check([](auto& it) { it.locked = true; }),
              FailsWith("another skiff runs", "skiff down --keep-data --data-dir=/var/lib/skiff"));
  EXPECT_THAT(check([](auto& it) { it.foreign = true; }),
              FailsWith("no cluster's", "empty directory"));
  const auto node = [](auto& it) {
    it.is_node = true;
    it.joined_server = "https://10.0.0.5:6443";
  };
  EXPECT_THAT(check(node), FailsWith("https://10.0.0.5:6443", "skiff down"));
  EXPECT_EQ(check(node, /*is_server=*/false).verdict, CheckVerdict::kOk);
  const auto cluster = [](auto& it) {
    it.is_server = true;
    it.service_cidr = "10.1.0.0/16";
    it.cluster_cidr = "10.244.0.0/16";
  };
  EXPECT_THAT(check(cluster), FailsWith("10.1.0.0/16", "--service-cluster-ip-range=10.1.0.0/16"));
  EXPECT_THAT(check(cluster, /*is_server=*/false), FailsWith("cluster of its own", "skiff down"));
}

// Who types what is said must not take another cluster away, that of the default directory.
TEST(ChecksTest, WhatTakesAClusterDownNamesItsDirectory) {
  HostFacts facts = GoodHost();
  facts.data_dir.has_mark = true;
  facts.data_dir.simulated_nodes = 2;
  ClusterOptions options = Defaults();
  options.data_dir = "/srv/my dev";
  EXPECT_THAT(CheckDataDir(facts, options),
              FailsWith("2 simulated nodes", "`skiff down --data-dir='/srv/my dev'`"));
  options.is_server = false;
  facts.data_dir.is_server = true;
  EXPECT_THAT(CheckDataDir(facts, options),
              FailsWith("cluster of its own", "`skiff down --data-dir='/srv/my dev'`"));
}

TEST(ChecksTest, ADataDirectoryHasRoomForTheNameOfASocket) {
  ClusterOptions options = Defaults();
  options.data_dir = "/" + std::string(75, 'd');
  EXPECT_EQ(CheckDataDir(GoodHost(), options).verdict, CheckVerdict::kOk);
  options.data_dir += "ddd";
  EXPECT_THAT(CheckDataDir(GoodHost(), options), FailsWith("is 3 characters too long", "shorter"));
  options.simulated_nodes = 1;
  EXPECT_EQ(CheckDataDir(GoodHost(), options).verdict, CheckVerdict::kOk);
}

TEST(ChecksTest, ATakenPortNamesItsHolderAndTheFlag) {
  PortFact port{"0.0.0.0", 6443, "--secure-port", "Address already in use", "nginx (process 17)"};
  EXPECT_THAT(CheckPort(port), FailsWith("nginx (process 17)", "--secure-port"));
  port.holder.clear();
  EXPECT_THAT(CheckPort(port), FailsWith("another program", "--secure-port"));
  port.problem = "Permission denied";
  EXPECT_THAT(CheckPort(port), FailsWith("0.0.0.0:6443", "below 1024"));
}

TEST(ChecksTest, ATakenPortOfIngressesIsAWarning) {
  HostFacts facts = GoodHost();
  facts.ingress_ports = {{"0.0.0.0", 80, "--ingress-http-port"},
                         {"0.0.0.0", 443, "--ingress-https-port", "Address already in use",
                          "nginx (process 17)"}};
  const auto checks = AllChecks(facts, Defaults());
  const auto named = [&](const std::string& name) {
    return *std::find_if(checks.begin(), checks.end(),
                         [&](const Check& check) { return check.name == name; });
  };
  EXPECT_EQ(named("port 80 (Ingresses)").verdict, CheckVerdict::kOk);
  const Check taken = named("port 443 (Ingresses)");
  EXPECT_EQ(taken.verdict, CheckVerdict::kWarning) << "all else works";
  EXPECT_THAT(taken.finding, AllOf(HasSubstr("nginx (process 17)"), HasSubstr("not served there")));
  EXPECT_THAT(taken.remedy, HasSubstr("--ingress-https-port"));
}

TEST(ChecksTest, APortIsForOnePurpose) {
  ClusterOptions options = Defaults();
  EXPECT_EQ(CheckPortClash(options).verdict, CheckVerdict::kOk);
  options.secure_port = 443;
  EXPECT_THAT(CheckPortClash(options),
              FailsWith("--secure-port and --ingress-https-port are both 443",
                        "choose another port with --ingress-https-port"));
  options.ingress_https_port = 0;
  EXPECT_EQ(CheckPortClash(options).verdict, CheckVerdict::kOk) << "0 is none";
  options.ingress_http_port = options.ingress_https_port = 8080;
  EXPECT_THAT(CheckPortClash(options), FailsWith("are both 8080", "--ingress-https-port"));
  options.ingress = false;
  EXPECT_EQ(CheckPortClash(options).verdict, CheckVerdict::kOk) << "nobody serves them";
  options.kubelet_port = 443;
  EXPECT_THAT(CheckPortClash(options), FailsWith("--secure-port and --kubelet-port", ""));
}

TEST(ChecksTest, RangesThatOverlapWithANetworkOrEachOtherAreRefused) {
  HostFacts facts = GoodHost();
  ClusterOptions options = Defaults();
  facts.networks.push_back({"eth1", "10.96.3.4/24"});
  EXPECT_THAT(CheckCidrs(facts, options),
              FailsWith("10.96.0.0/16 overlaps with this machine's network 10.96.3.4/24 on eth1",
                        "--service-cluster-ip-range"));
  facts.networks.back().cidr = "10.0.0.1/8";
  EXPECT_THAT(CheckCidrs(facts, options), FailsWith("10.0.0.1/8", "--service-cluster-ip-range"));
  facts.networks.back().cidr = "10.244.7.1/24";
  EXPECT_THAT(CheckCidrs(facts, options), FailsWith("10.244.0.0/16", "--cluster-cidr"));
  facts.networks.pop_back();
  options.cluster_cidr = "10.96.128.0/17";
  EXPECT_THAT(CheckCidrs(facts, options), FailsWith("overlap", "--cluster-cidr"));
  options.cluster_cidr = "10.244.0.0/16,fd00:10:244::/56";
  options.service_cidr = "10.96.0.0/16,fd00:10:96::/112";
  EXPECT_EQ(CheckCidrs(facts, options).verdict, CheckVerdict::kOk);
  facts.has_ipv6 = false;
  EXPECT_THAT(CheckCidrs(facts, options), FailsWith("turned off", "disable_ipv6=0"));
  facts.has_ipv6 = true;
  facts.networks.push_back({"eth1", "fd00:10:244::7/64"});
  EXPECT_THAT(CheckCidrs(facts, options), FailsWith("fd00:10:244::/56", "fd00:10:240::/56"));
  facts.networks.pop_back();
  options.service_cidr = "10.96.0.0/16";
  options.cluster_cidr = "pods";
  EXPECT_THAT(CheckCidrs(facts, options), FailsWith("pods is no CIDR", "--cluster-cidr="));
}

TEST(ChecksTest, AMachinesNetworkHasTheNodeOfOneCluster) {
  HostFacts facts = GoodHost();
  facts.other_clusters = {"/var/lib/first"};
  ClusterOptions options = Defaults();
  options.service_cidr = "10.112.0.0/16";
  const auto refused = [&] {
    const auto checks = AllChecks(facts, options);
    return std::any_of(checks.begin(), checks.end(), [](const Check& check) {
      return check.verdict == CheckVerdict::kFailed;
    });
  };
  EXPECT_TRUE(refused()) << "other ranges do not help: the rules are one set";
  EXPECT_THAT(CheckOtherClusters(facts),
              FailsWith("the cluster of /var/lib/first", "skiff down --data-dir=/var/lib/first"));
  options.simulated_nodes = 2;
  EXPECT_FALSE(refused());
  options.simulated_nodes = 0;
  options.is_server = false;
  EXPECT_FALSE(refused()) << "nodes of one cluster share them";
}

TEST(ChecksTest, AMachineThatJoinsIsJudgedByTheClustersRangesOnceTheyAreKnown) {
  HostFacts facts = GoodHost();
  facts.networks.push_back({"eth1", "10.244.7.1/24"});
  ClusterOptions options = Defaults();
  options.is_server = false;
  EXPECT_THAT(CheckCidrs(facts, options),
              FailsWith("10.244.0.0/16 overlaps with this machine's network 10.244.7.1/24 on eth1",
                        "give this machine's network another range"));
  options.service_cidr = options.cluster_cidr = "";
  EXPECT_THAT(AllChecks(facts, options), Each(Field(&Check::verdict, CheckVerdict::kOk)));
}

TEST(ChecksTest, TheDoctorSaysWhatPodsDoNotGet) {
  HostFacts facts = GoodHost();
  EXPECT_EQ(CheckIngress(facts).verdict, CheckVerdict::kOk);
  facts.has_haproxy = false;
  EXPECT_EQ(CheckIngress(facts).verdict, CheckVerdict::kWarning);
  EXPECT_EQ(CheckNetworkPolicies(facts).verdict, CheckVerdict::kOk);
  facts.nftables_problem = "nft is not installed";
  EXPECT_EQ(CheckNetworkPolicies(facts).verdict, CheckVerdict::kWarning);
  EXPECT_THAT(CheckNetworkPolicies(facts).finding,
              testing::HasSubstr("nft is not installed: NetworkPolicies are not enforced"));
  EXPECT_THAT(CheckIsolation(facts).finding, testing::HasSubstr("AppArmor profiles"));
  EXPECT_THAT(CheckIsolation(facts).finding, testing::HasSubstr("hostUsers: false"));
  facts.has_app_armor = true;
  EXPECT_THAT(CheckIsolation(facts).finding, testing::Not(testing::HasSubstr("AppArmor")));
}

TEST(ChecksTest, SimulatedNodesNeedNeitherRootNorContainers) {
  HostFacts facts = GoodHost();
  facts.is_root = false;
  facts.missing_programs = {"containerd"};
  ClusterOptions options = Defaults();
  options.simulated_nodes = 3;
  facts.networks.push_back({"eth1", "10.244.7.1/24"});
  EXPECT_THAT(AllChecks(facts, options), Each(Field(&Check::verdict, CheckVerdict::kOk)));
}

TEST(ChecksTest, TheDoctorShowsEachCheckAndItsRemedy) {
  EXPECT_EQ(DescribeChecks({{"root", "yes"},
                            {"port 1", "is taken", "free it", CheckVerdict::kFailed},
                            {"overlayfs", "slow", "", CheckVerdict::kWarning}}),
            "ok    root: yes\n"
            "FAIL  port 1: is taken\n      mend: free it\n"
            "warn  overlayfs: slow\n");
}

// What is read from this very machine.
class HostFactsTest : public testing::Test {
 protected:
  HostFactsTest() {
    options_.data_dir = testing::TempDir() + "/skiff-host-facts-" + std::to_string(getpid());
    options_.simulated_nodes = 1;
    options_.bind_address = "127.0.0.1";
  }
  ~HostFactsTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(options_.data_dir, ignored);
  }
  ClusterOptions options_;
};

TEST_F(HostFactsTest, ThePortsOfIngressesAreLookedAtWhereTheyAreServed) {
  options_.simulated_nodes = 0;
  options_.ingress_http_port = 0;
  const auto ports = ReadHostFacts(options_).ingress_ports;
  ASSERT_EQ(ports.size(), 2u) << "0 is none";
  EXPECT_EQ(ports[0].flag, "--ingress-https-port");
  EXPECT_EQ(ports[1].address, "127.0.0.1");
  options_.ingress = false;
  EXPECT_TRUE(ReadHostFacts(options_).ingress_ports.empty());
}

struct Nobody final : http::Handler {
  http::Response Handle(const http::Request&) override { return {}; }
};

TEST_F(HostFactsTest, APortThatIsListenedOnIsTakenByThisProcess) {
  http::Loops loops(1);
  Nobody nobody;
  auto server = *http::Server::Start({.bind_address = "127.0.0.1"}, loops, nobody);
  options_.secure_port = server->port();
  const auto taken = ReadHostFacts(options_).ports.at(0);
  EXPECT_EQ(taken.problem, "Address already in use");
  EXPECT_THAT(taken.holder, HasSubstr("(process " + std::to_string(getpid()) + ")"));
  server->Stop(0s);
  EXPECT_EQ(ReadHostFacts(options_).ports.at(0).problem, "");
}

TEST_F(HostFactsTest, APortIsTakenByWhoeverListensByIpv6WhereOursWould) {
  http::Loops loops(1);
  Nobody nobody;
  auto server = http::Server::Start({.bind_address = "::1"}, loops, nobody);
  if (!server) GTEST_SKIP() << "no IPv6 here";
  options_.simulated_nodes = 0;
  options_.bind_address = "0.0.0.0";
  options_.secure_port = options_.kubelet_port = options_.ingress_http_port = (*server)->port();
  HostFacts facts = ReadHostFacts(options_);
  EXPECT_EQ(facts.ports.at(0).problem, "Address already in use");
  EXPECT_THAT(facts.ports.at(0).holder, HasSubstr("(process " + std::to_string(getpid()) + ")"));
  EXPECT_EQ(facts.ports.at(1).problem, "Address already in use");
  EXPECT_EQ(facts.ingress_ports.at(0).problem, "") << "the cluster has none";
  options_.cluster_cidr = "10.244.0.0/16,fd00:10:244::/56";
  facts = ReadHostFacts(options_);
  EXPECT_EQ(facts.ingress_ports.at(0).problem, "Address already in use");
  EXPECT_EQ(facts.ingress_ports.at(0).address, "::");
}

TEST_F(HostFactsTest, ADirectoryIsWhatItsFilesSay) {
  EXPECT_EQ(ReadHostFacts(options_).data_dir.problem, "");
  EXPECT_FALSE(std::filesystem::exists(options_.data_dir)) << "looking makes nothing";
  std::filesystem::create_directories(options_.data_dir);
  std::ofstream(options_.data_dir + "/letter.txt") << "dear";
  EXPECT_TRUE(ReadHostFacts(options_).data_dir.foreign);
  std::filesystem::create_directories(options_.data_dir + "/containerd");
  EXPECT_TRUE(ReadHostFacts(options_).data_dir.foreign) << "as /etc has one, too";
  std::filesystem::create_directories(options_.data_dir + "/store");
  ASSERT_TRUE(WriteClusterMark(options_));
  const auto server = ReadHostFacts(options_).data_dir;
  EXPECT_FALSE(server.foreign);
  EXPECT_TRUE(server.is_server);
  EXPECT_EQ(server.service_cidr, options_.service_cidr);
  EXPECT_FALSE(server.locked);
  const auto lock = DataDirLock::Take(options_.data_dir);
  ASSERT_TRUE(lock);
  EXPECT_TRUE(ReadHostFacts(options_).data_dir.locked);
  EXPECT_FALSE(DataDirLock::Take(options_.data_dir));
}

TEST_F(HostFactsTest, ADirectoryOfANodeNamesItsServer) {
  const SystemClock clock;
  const auto authority = *CertificateAuthority::Create("ca", clock.Now());
  const auto client = *authority.Issue(
      {.common_name = "system:node:n1", .organizations = {"system:nodes"}}, clock.Now());
  ASSERT_TRUE(SaveNodeIdentity(options_.data_dir, {.node_name = "n1",
                                                   .server = "https://10.0.0.5:6443",
                                                   .authority_pem = authority.pem().certificate_pem,
                                                   .client = client}));
  const auto node = ReadHostFacts(options_).data_dir;
  EXPECT_TRUE(node.is_node);
  EXPECT_EQ(node.joined_server, "https://10.0.0.5:6443");
  EXPECT_EQ(LoadNodeIdentity(options_.data_dir)->node_name, "n1");
}

TEST_F(HostFactsTest, ADirectoryThatCannotBeIsSaidToBe) {
  options_.data_dir = "/dev/null/skiff";
  EXPECT_THAT(ReadHostFacts(options_).data_dir.problem, Not(IsEmpty()));
}

}  // namespace
}  // namespace skiff
