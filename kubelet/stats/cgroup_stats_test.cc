// Made-up cgroup trees, of both versions.
#include "kubelet/stats/cgroup_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/stats/host_stats.h"
#include "kubelet/stats/interface_stats.h"
#include "kubelet/stats/stat_files.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

using testing::SizeIs;

constexpr TimePoint kLook(1'700'000'000s);

TEST(CgroupStatsTest, ACgroupOfVersionTwo) {
  const TemporaryTree tree;
  tree.Write("cgroup.controllers", "cpu io memory pids\n");
  const auto write = [&](const std::string& name, const std::string& text) {
    tree.Write("kubepods/podx/" + name, text);
  };
  write("cpu.stat",
        "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 10\n"
        "nr_throttled 3\nthrottled_usec 7000\n");
  write("cpu.weight", "39\n");
  write("cpu.max", "50000 100000\n");
  write("cpu.pressure", "some avg10=1.50 avg60=0.25 avg300=0.00 total=1234\n");
  write("memory.current", "1000000\n");
  write("memory.peak", "1500000\n");
  write("memory.max", "2000000\n");
  write("memory.low", "0\n");
  write("memory.swap.current", "0\n");
  write("memory.swap.max", "max\n");
  write("memory.stat", "anon 600000\nfile 300000\nkernel 90000\nfile_mapped 50000\n"
                       "inactive_file 250000\nactive_file 50000\npgfault 77\npgmajfault 5\n");
  write("memory.events", "low 0\nhigh 0\nmax 2\noom 1\noom_kill 1\n");
  write("cgroup.procs", "12\n13\n");
  write("pids.current", "5\n");
  write("pids.max", "max\n");
  write("io.stat", "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n");
  const CgroupReader reader(tree.root());
  const auto stats = reader.Read("/kubepods/podx", kLook);
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->at, kLook);
  EXPECT_GT(stats->created_at, TimePoint());
  EXPECT_EQ(stats->cpu.total_ns, 2'500'000'000u);
  EXPECT_EQ(stats->cpu.user_ns, 2'000'000'000u);
  EXPECT_EQ(stats->cpu.throttled_ns, 7'000'000u);
  EXPECT_EQ(stats->cpu.throttled_periods, 3u);
  EXPECT_EQ(stats->cpu.shares, 998u);
  EXPECT_EQ(stats->cpu.quota_us, 50000);
  EXPECT_EQ(stats->cpu.period_us, 100000u);
  ASSERT_TRUE(stats->cpu_pressure);
  EXPECT_EQ(stats->cpu_pressure->some.avg10, 1.5);
  EXPECT_EQ(stats->cpu_pressure->some.total_us, 1234u);
  EXPECT_EQ(stats->memory.usage, 1000000u);
  EXPECT_EQ(stats->memory.working_set, 750000u);
  EXPECT_EQ(stats->memory.max_usage, 1500000u);
  EXPECT_EQ(stats->memory.rss, 600000u);
  EXPECT_EQ(stats->memory.page_faults, 77u);
  EXPECT_EQ(stats->memory.failures, 2u);
  EXPECT_EQ(stats->memory.oom_kills, 1u);
  EXPECT_EQ(stats->memory.limit, 2000000u);
  EXPECT_EQ(stats->memory.swap_limit, std::nullopt) << "there is none";
  EXPECT_EQ(stats->processes, 2u);
  EXPECT_EQ(stats->threads, 5u);
  EXPECT_EQ(stats->threads_max, std::nullopt);
  ASSERT_THAT(stats->io, SizeIs(1));
  EXPECT_EQ(stats->io[0].written_bytes, 8192u);
  EXPECT_EQ(stats->io[0].reads, 1u);
  EXPECT_EQ(stats->memory_pressure, std::nullopt) << "the kernel does not tell";
  EXPECT_EQ(reader.ProcessOf("/kubepods/podx"), 12);
  EXPECT_EQ(reader.Read("/kubepods/pody", kLook), std::nullopt);
}

TEST(CgroupStatsTest, ACgroupOfVersionOne) {
  const TemporaryTree tree;
  const auto write = [&](const std::string& controller, const std::string& name,
                         const std::string& text) {
    tree.Write(controller + "/kubepods/podx/" + name, text);
  };
  write("cpuacct", "cpuacct.usage", "2500000000\n");
  write("cpuacct", "cpuacct.usage_user", "2000000000\n");
  write("cpuacct", "cpuacct.usage_sys", "500000000\n");
  write("cpu", "cpu.stat", "nr_periods 10\nnr_throttled 3\nthrottled_time 7000000\n");
  write("cpu", "cpu.shares", "512\n");
  write("cpu", "cpu.cfs_period_us", "100000\n");
  write("cpu", "cpu.cfs_quota_us", "-1\n");
  write("memory", "memory.usage_in_bytes", "1000000\n");
  write("memory", "memory.max_usage_in_bytes", "1500000\n");
  write("memory", "memory.failcnt", "2\n");
  write("memory", "memory.limit_in_bytes", "9223372036854771712\n");
  write("memory", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  write("memory", "memory.stat",
        "rss 1\ncache 1\ninactive_file 1\ntotal_rss 600000\ntotal_cache 300000\n"
        "total_inactive_file 250000\ntotal_pgfault 77\ntotal_pgmajfault 5\n");
  write("pids", "cgroup.procs", "12\n");
  write("pids", "pids.current", "5\n");
  write("pids", "pids.max", "100\n");
  write("blkio", "blkio.throttle.io_service_bytes", "8:0 Read 4096\n8:0 Write 8192\nTotal 12288\n");
  write("blkio", "blkio.throttle.io_serviced", "8:0 Read 1\n8:0 Write 2\nTotal 3\n");
  const CgroupReader reader(tree.root());
  const auto stats = reader.Read("/kubepods/podx", kLook);
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->cpu.total_ns, 2'500'000'000u);
  EXPECT_EQ(stats->cpu.throttled_ns, 7'000'000u);
  EXPECT_EQ(stats->cpu.shares, 512u);
  EXPECT_EQ(stats->cpu.quota_us, std::nullopt);
  EXPECT_EQ(stats->memory.working_set, 750000u);
  EXPECT_EQ(stats->memory.rss, 600000u);
  EXPECT_EQ(stats->memory.page_faults, 77u);
  EXPECT_EQ(stats->memory.failures, 2u);
  EXPECT_EQ(stats->memory.oom_kills, 1u);
  EXPECT_EQ(stats->memory.limit, std::nullopt);
  EXPECT_EQ(stats->threads_max, 100u);
  ASSERT_THAT(stats->io, SizeIs(1));
  EXPECT_EQ(stats->io[0].read_bytes, 4096u);
  EXPECT_EQ(stats->io[0].writes, 2u);
}

TEST(CgroupStatsTest, WeightsAndSharesMeanTheSame) {
  EXPECT_EQ(SharesOfWeight(1), 2u);
  EXPECT_EQ(SharesOfWeight(10000), 262144u);
}

TEST(StatFilesTest, AFileIsReadToItsBound) {
  const TemporaryTree tree;
  const std::string path = tree.Write("large", std::string(2 * kStatFileBytesMax, '7'));
  EXPECT_EQ(ReadStatFile(path).size(), kStatFileBytesMax);
  EXPECT_EQ(ReadStatFile(tree.Path("missing")), "");
  EXPECT_EQ(NumberNamed("total_rss 1\nrss 2\nrss_huge 3\n", "rss"), 2u);
  EXPECT_EQ(NumberNamed("rss x\n", "rss"), std::nullopt);
}

TEST(InterfaceStatsTest, LoopbackAndEndsOfCablesAreLeftOut) {
  const auto interfaces = InterfacesFrom(
      "Inter-|   Receive                           |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
      "    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"
      "veth12: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"
      "  ens3: 7 6 5 4 0 0 0 0 3 2 1 0 0 0 0 0\n"
      "  eth0:100 2 3 4 5 6 7 8 200 10 11 12 13 14 15 16\n"
      "  odd0: 1 2 3\n");
  ASSERT_THAT(interfaces, SizeIs(2));
  EXPECT_EQ(interfaces[0].name, "ens3");
  const InterfaceStats* first = DefaultInterface(interfaces);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->name, "eth0");
  EXPECT_EQ(first->received.bytes, 100u);
  EXPECT_EQ(first->received.dropped, 4u);
  EXPECT_EQ(first->sent.bytes, 200u);
  EXPECT_EQ(first->sent.errors, 11u);
  EXPECT_EQ(DefaultInterface({}), nullptr);
}

// One that a pod has named so would keep the statistics of the whole node from being told.
TEST(InterfaceStatsTest, ANameOfAnyBytesIsMadeText) {
  const auto interfaces = InterfacesFrom("  e\xff\"0: 7 6 5 4 0 0 0 0 3 2 1 0 0 0 0 0\n");
  ASSERT_THAT(interfaces, SizeIs(1));
  EXPECT_EQ(interfaces[0].name, "e\xef\xbf\xbd\"0");
}

TEST(HostStatsTest, TheMachineIsToldLikeACgroup) {
  const HostText text{
      .stat = "cpu  100 20 30 9999 888 1 2 47 5 6\ncpu0 1 2 3\nbtime 1700000000\n",
      .meminfo = "MemTotal:  1000 kB\nMemFree:  400 kB\nCached: 300 kB\nInactive(file): 200 kB\n"
                 "SwapTotal: 50 kB\nSwapFree: 20 kB\n",
      .vmstat = "pgfault 77\npgmajfault 5\noom_kill 1\n"};
  const CgroupStats stats = HostStatsFrom(text, 100, kLook);
  EXPECT_EQ(stats.cpu.total_ns, 2'000'000'000u);
  EXPECT_EQ(stats.cpu.user_ns, 1'200'000'000u);
  EXPECT_EQ(stats.memory.usage, 600u * 1024);
  EXPECT_EQ(stats.memory.working_set, 400u * 1024);
  EXPECT_EQ(stats.memory.swap, 30u * 1024);
  EXPECT_EQ(stats.memory.page_faults, 77u);
  EXPECT_EQ(BootTimeFrom(text.stat), TimePoint(1'700'000'000s));
  EXPECT_EQ(HostStatsFrom({}, 100, kLook).cpu.total_ns, std::nullopt);
}

TEST(HostStatsTest, ProcessorsAndTheOwnCgroup) {
  const Processors processors =
      ProcessorsFrom("processor\t: 0\nphysical id\t: 0\ncore id\t\t: 0\n\nprocessor\t: 1\n"
                     "physical id\t: 0\ncore id\t\t: 1\n\nprocessor\t: 2\nphysical id\t: 1\n"
                     "core id\t\t: 0\n");
  EXPECT_EQ(processors.sockets, 2u);
  EXPECT_EQ(processors.physical_cores, 3u);
  EXPECT_EQ(OwnCgroupFrom("5:devices:/\n4:memory:/a/b\n0::/c\n"), "/a/b");
  EXPECT_EQ(OwnCgroupFrom("0::/system.slice/kubelet.service\n"), "/system.slice/kubelet.service");
}

}  // namespace
}  // namespace skiff::kubelet
