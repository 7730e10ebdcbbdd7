// A node of made-up files and a fake runtime, as its documents tell of it.
#include "kubelet/stats/node_measurer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/id.h"
#include "kubelet/cri_fake.h"
#include "kubelet/pod_observed.h"
#include "kubelet/stats/cadvisor_text.h"
#include "kubelet/stats/summary.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

using testing::HasSubstr;
using testing::Not;

using Extent = NodeMeasurer::Extent;

class NodeMeasurerTest : public testing::Test {
 protected:
  NodeMeasurerTest() {
    pod_->metadata.name = "web";
    pod_->metadata.namespace_ = "default";
    pod_->metadata.uid = "uid-1";
    pod_->spec.containers.emplace_back().name = "main";
    const cri::StringMap labels = {{kPodNameLabel, "web"},
                                   {kPodNamespaceLabel, "default"},
                                   {kPodUidLabel, "uid-1"},
                                   {kContainerNameLabel, "main"}};
    cri::SandboxConfig sandbox;
    sandbox.metadata = {.name = "web", .uid = "uid-1", .name_space = "default"};
    sandbox.labels = labels;
    sandbox_ = *runtime_.RunPodSandbox(sandbox, "");
    cri::ContainerConfig container;
    container.metadata.name = "main";
    container.image.image = "busybox:1";
    container.labels = labels;
    container_ = *runtime_.CreateContainer(sandbox_, container, sandbox);
    EXPECT_TRUE(runtime_.StartContainer(container_));
    WriteFiles();
  }

  void WriteFiles() {
    tree_.Write("cgroup/cgroup.controllers", "cpu memory\n");
    const std::string pod = "cgroup/kubepods/besteffort/poduid-1/";
    for (const std::string& cgroup :
         {std::string("cgroup/kubepods/"), std::string("cgroup/kubepods/besteffort/"), pod,
          pod + sandbox_ + "/", pod + container_ + "/"}) {
      tree_.Write(cgroup + "cpu.stat", "usage_usec 3000000\nuser_usec 2000000\n");
      tree_.Write(cgroup + "memory.current", "8192\n");
      tree_.Write(cgroup + "memory.max", "max\n");
      tree_.Write(cgroup + "memory.stat", "inactive_file 4096\nanon 100\n");
      tree_.Write(cgroup + "pids.current", "3\n");
    }
    tree_.Write(pod + container_ + "/memory.max", "10000\n");
    tree_.Write(pod + container_ + "/io.stat", "254:9 rbytes=1 wbytes=2 rios=3 wios=4\n");
    tree_.Write(pod + sandbox_ + "/cgroup.procs", "77\n");
    tree_.Write("proc/77/net/dev", "eth0: 100 2 3 4 5 6 7 8 200 10 11 12 13 14 15 16\n");
    tree_.Write("proc/self/net/dev", "ens3: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
    tree_.Write("proc/self/cgroup", "0::/\n");
    tree_.Write("proc/stat", "cpu  100 0 100 0 0 0 0 0 0 0\nbtime 1699999000\n");
    tree_.Write("proc/meminfo",
                "MemTotal: 1000 kB\nMemFree: 400 kB\nSwapTotal: 3 kB\nSwapFree: 2 kB\n");
    tree_.Write("proc/loadavg", "0.1 0.2 0.3 2/345 6789\n");
    tree_.Write("proc/sys/kernel/pid_max", "32768\n");
    tree_.Write("proc/sys/kernel/threads-max", "99999\n");
    tree_.Write("logs/default_web_uid-1/main/0.log", std::string(10'000, 'x'));
    tree_.Write("root/pods/uid-1/volumes/kubernetes.io~empty-dir/cache/file",
                std::string(20'000, 'x'));
  }

  NodeMeasurer Measurer() {
    NodeFacts facts;
    facts.milli_cpu = 2000;
    facts.machine_id = "m";
    return NodeMeasurer({.node_name = "node1",
                         .root = tree_.Path("root"),
                         .log_root = tree_.Path("logs"),
                         .cgroup_root = "/kubepods",
                         .facts = facts,
                         .proc = tree_.Path("proc"),
                         .cgroup_mount = tree_.Path("cgroup")},
                        {.runtime = runtime_,
                         .clock = clock_,
                         .pods = [this] { return std::vector<Ptr<core_v1::Pod>>{pod_}; },
                         .volumes = [this](const core_v1::Pod&) { return places_; }});
  }

  TemporaryTree tree_;
  FakeClock clock_;
  SeededRandom random_{7};
  cri::FakeRuntime runtime_{clock_, random_, "10.0.0.0/24"};
  std::shared_ptr<core_v1::Pod> pod_ = std::make_shared<core_v1::Pod>();
  std::vector<VolumeManager::MeasuredPlace> places_ = {
      {"cache", "", tree_.Path("root/pods/uid-1/volumes/kubernetes.io~empty-dir/cache")},
      {"data", "claim", tree_.Path("root")}};
  std::string sandbox_, container_;
};

TEST_F(NodeMeasurerTest, TheSummaryTellsOfNodePodsAndContainers) {
  NodeMeasurer measurer = Measurer();
  const auto measured = measurer.Measure(Extent::kDirectories);
  ASSERT_TRUE(measured) << measured.error().message;
  const Json summary = SummaryOf(*measured, {});
  const Json& node = summary["node"];
  EXPECT_EQ(node["nodeName"], "node1");
  EXPECT_EQ(node["startTime"], "2023-11-14T21:56:40Z");
  EXPECT_EQ(node["cpu"]["time"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(node["cpu"]["usageCoreNanoSeconds"], 200 * (1'000'000'000 / sysconf(_SC_CLK_TCK)));
  EXPECT_EQ(node["memory"]["workingSetBytes"], 600 * 1024);
  EXPECT_EQ(node["memory"]["availableBytes"], 400 * 1024);
  EXPECT_EQ(node["network"]["name"], "ens3");
  EXPECT_GT(node["fs"]["capacityBytes"].get<int64_t>(), 0);
  EXPECT_EQ(node["rlimit"]["maxpid"], 32768);
  EXPECT_EQ(node["rlimit"]["curproc"], 345);
  EXPECT_EQ(node["systemContainers"][0]["name"], "pods");
  ASSERT_EQ(summary["pods"].size(), 1u);
  const Json& pod = summary["pods"][0];
  EXPECT_EQ(pod["podRef"], (Json{{"name", "web"}, {"namespace", "default"}, {"uid", "uid-1"}}));
  EXPECT_EQ(pod["cpu"]["usageCoreNanoSeconds"], 3'000'000'000);
  EXPECT_EQ(pod["memory"]["workingSetBytes"], 4096);
  EXPECT_FALSE(pod["memory"].contains("availableBytes")) << "it has no limit";
  EXPECT_EQ(pod["network"]["name"], "eth0");
  EXPECT_EQ(pod["network"]["rxBytes"], 100);
  EXPECT_EQ(pod["network"]["interfaces"][0]["txErrors"], 11);
  EXPECT_EQ(pod["process_stats"]["process_count"], 3);
  ASSERT_EQ(pod["volume"].size(), 2u);
  EXPECT_EQ(pod["volume"][0]["name"], "cache");
  EXPECT_GE(pod["volume"][0]["usedBytes"].get<int64_t>(), 20'000);
  EXPECT_EQ(pod["volume"][1]["pvcRef"], (Json{{"name", "claim"}, {"namespace", "default"}}));
  EXPECT_GE(pod["ephemeral-storage"]["usedBytes"].get<int64_t>(), 30'000);
  const Json& container = pod["containers"][0];
  EXPECT_EQ(container["name"], "main");
  EXPECT_EQ(container["startTime"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(container["memory"]["availableBytes"], 10000 - 4096);
  EXPECT_GE(container["logs"]["usedBytes"].get<int64_t>(), 10'000);
  EXPECT_TRUE(container.contains("rootfs"));
}

TEST_F(NodeMeasurerTest, OfProcessorAndMemoryAloneNoDiskIsLookedAt) {
  NodeMeasurer measurer = Measurer();
  const auto measured = measurer.Measure(Extent::kProcessorsAndMemory);
  ASSERT_TRUE(measured);
  const Json summary = SummaryOf(*measured, {.only_cpu_and_memory = true});
  for (const char* left_out : {"fs", "network", "runtime", "rlimit"}) {
    EXPECT_FALSE(summary["node"].contains(left_out)) << left_out;
  }
  for (const char* left_out : {"volume", "network", "ephemeral-storage", "process_stats"}) {
    EXPECT_FALSE(summary["pods"][0].contains(left_out)) << left_out;
  }
  EXPECT_FALSE(summary["pods"][0]["containers"][0].contains("rootfs"));
  EXPECT_EQ(summary["pods"][0]["containers"][0]["memory"]["usageBytes"], 8192);
  EXPECT_EQ(summary["node"]["swap"]["swapUsageBytes"], 1024);
}

TEST_F(NodeMeasurerTest, TheSameUnderCadvisorsNames) {
  NodeMeasurer measurer = Measurer();
  const auto measured = measurer.Measure(Extent::kFileSystems);
  ASSERT_TRUE(measured);
  const std::string text = CadvisorText(*measured);
  const std::string id = "/kubepods/besteffort/poduid-1";
  const std::string container = "container=\"main\",id=\"" + id + "/" + container_ +
                                "\",image=\"busybox:1\",name=\"" + container_ +
                                "\",namespace=\"default\",pod=\"web\"";
  const std::string time = " 1700000000000\n";
  EXPECT_THAT(text, HasSubstr("\n# TYPE container_cpu_usage_seconds_total counter\n"));
  EXPECT_THAT(text, HasSubstr("\ncontainer_cpu_usage_seconds_total{" + container +
                              ",cpu=\"total\"} 3" + time));
  EXPECT_THAT(text, HasSubstr("\ncontainer_memory_working_set_bytes{" + container + "} 4096" +
                              time));
  EXPECT_THAT(text, HasSubstr("\ncontainer_spec_memory_limit_bytes{" + container + "} 10000" +
                              time));
  EXPECT_THAT(text, HasSubstr("\ncontainer_fs_writes_total{" + container +
                              ",device=\"254:9\"} 4" + time));
  EXPECT_THAT(text, HasSubstr("\ncontainer_start_time_seconds{" + container + "} 1700000000" +
                              time));
  EXPECT_THAT(text, HasSubstr("\ncontainer_memory_usage_bytes{container=\"\",id=\"" + id +
                              "\",image=\"\",name=\"\",namespace=\"default\",pod=\"web\"} 8192" +
                              time));
  EXPECT_THAT(text, HasSubstr("\ncontainer_network_receive_bytes_total{container=\"\",id=\"" + id +
                              "/" + sandbox_ + "\",image=\"\",name=\"" + sandbox_ +
                              "\",namespace=\"default\",pod=\"web\",interface=\"eth0\"} 100" +
                              time));
  EXPECT_THAT(text, HasSubstr("{container=\"\",id=\"/kubepods/besteffort\",image=\"\",name=\"\","
                              "namespace=\"\",pod=\"\"} 8192"));
  EXPECT_THAT(text, HasSubstr("\nmachine_cpu_cores{boot_id=\"\",machine_id=\"m\",system_uuid="
                              "\"\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("cpu_cfs_periods"))) << "nothing has a quota";
}

TEST_F(NodeMeasurerTest, WhatHasJustEndedIsLeftOut) {
  std::filesystem::remove_all(
      tree_.Path("cgroup/kubepods/besteffort/poduid-1/" + container_));
  NodeMeasurer measurer = Measurer();
  const auto measured = measurer.Measure(Extent::kFileSystems);
  ASSERT_TRUE(measured);
  ASSERT_EQ(measured->pods.size(), 1u);
  EXPECT_TRUE(measured->pods[0].containers.empty());
  EXPECT_FALSE(measured->pods[0].ephemeral) << "no directory was asked for";
}

// Else each of many who ask at once would walk the same directories, and hang where one does.
TEST(DiskUsesTest, WhoAsksWhileSomebodyWalksIsToldWhatIsKnown) {
  constexpr TimePoint kBegin(1'700'000'000s);
  core_v1::Pod pod;
  pod.metadata.uid = "uid-1";
  pod.spec.containers.emplace_back().name = "main";
  TimePoint now = kBegin;
  int walks = 0;
  std::function<PodDiskUse()> ask;
  PodDiskUse told;
  DiskUses uses({.log_root = "/none", .walk = [&](const std::string&) {
                   if (++walks < 10) told = ask();
                   return DirectoryUsage{.bytes = walks * 100, .inodes = walks};
                 }});
  ask = [&] { return uses.Of(pod, {}, now); };
  EXPECT_EQ(ask().local_bytes, 100u);
  EXPECT_EQ(walks, 1);
  EXPECT_EQ(told.at, TimePoint()) << "nothing is known";
  now += 59s;
  EXPECT_EQ(ask().local_bytes, 100u);
  EXPECT_EQ(walks, 1) << "it counts for a minute";
  now += 1s;
  EXPECT_EQ(ask().local_bytes, 200u);
  EXPECT_EQ(told.local_bytes, 100u);
  EXPECT_EQ(walks, 2);
}

TEST(DiskUsesTest, ADriverSaysItselfHowMuchOfItsVolumesIsUsed) {
  core_v1::Pod pod;
  DiskUses uses({.log_root = "/none",
                 .walk = [](const std::string&) { return DirectoryUsage{.bytes = 9, .inodes = 9}; },
                 .of_driver =
                     [](const VolumeManager::MeasuredPlace& place, TimePoint now) {
                       std::optional<FsUse> use;
                       if (place.handle == "v1") use.emplace(FsUse{.at = now, .device = {}});
                       if (use) use->used_bytes = 5;
                       return use;
                     }});
  VolumeManager::MeasuredPlace place{.volume = "a", .claim = "c", .path = "/"};
  place.driver = "x";
  place.handle = "v1";
  VolumeManager::MeasuredPlace silent = place;
  silent.handle = "v2";
  silent.claim.clear();
  VolumeManager::MeasuredPlace device{.volume = "d", .claim = "e", .path = "/dev/null"};
  device.is_device = true;
  const auto use = uses.Of(pod, {place, silent, device}, TimePoint(1s));
  ASSERT_EQ(use.volumes.size(), 1u);
  EXPECT_EQ(use.volumes[0].use.used_bytes, 5u);
  EXPECT_EQ(use.local_bytes, 0u) << "it is not the node's disk";
}

TEST(RecentRatesTest, AreCountedBetweenLooksThatAreApart) {
  RecentRates rates;
  constexpr TimePoint kBegin(1'700'000'000s);
  EXPECT_EQ(rates.Take("a", kBegin + 10s, 2'000'000'000, kBegin), 200'000'000u)
      << "on average, before there is another look";
  EXPECT_EQ(rates.Take("a", kBegin + 11s, 9'000'000'000, kBegin), 200'000'000u) << "too close";
  EXPECT_EQ(rates.Take("a", kBegin + 20s, 7'000'000'000, kBegin), 500'000'000u);
  EXPECT_EQ(rates.Take("a", kBegin + 40s, 1'000'000'000, kBegin + 30s), 100'000'000u)
      << "another of the same name";
  rates.Forget(kBegin + 159s);
  EXPECT_EQ(rates.Take("a", kBegin + 50s, 9'000'000'000, kBegin + 30s), 800'000'000u) << "known";
  rates.Forget(kBegin + 170s);
  EXPECT_EQ(rates.Take("a", kBegin + 180s, 15'000'000'000, kBegin + 30s), 100'000'000u)
      << "forgotten: on average again";
}

TEST(RecentRatesTest, WhoComesLateWithAnEarlierLookChangesNothing) {
  RecentRates rates;
  constexpr TimePoint kBegin(1'700'000'000s);
  rates.Take("a", kBegin + 10s, 1'000'000'000, kBegin);
  EXPECT_EQ(rates.Take("a", kBegin + 20s, 6'000'000'000, kBegin), 500'000'000u);
  EXPECT_EQ(rates.Take("a", kBegin + 19s, 5'990'000'000, kBegin), 500'000'000u);
  EXPECT_EQ(rates.Take("a", kBegin + 30s, 7'000'000'000, kBegin), 100'000'000u);
}

}  // namespace
}  // namespace skiff::kubelet
