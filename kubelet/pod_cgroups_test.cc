#include "kubelet/pod_cgroups.h"

#include <gtest/gtest.h>

#include <barrier>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>
#include <utility>

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

// A folder with the kernel's files in it, which only keep what is written.
class PodCgroupsTest : public testing::Test {
 protected:
  PodCgroupsTest() {
    char name[] = "/tmp/skiff-cgroups-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    mount_ = name;
    for (const char* path : {"/pods", "/pods/burstable", "/pods/burstable/poduid-1"}) {
      fs::create_directories(mount_ + path);
      for (const char* file : {"cpu.weight", "cpu.max", "memory.max"}) {
        std::ofstream(mount_ + path + "/" + file) << "max";
      }
    }
    pod_.metadata.uid = "uid-1";
    pod_.spec.containers.resize(2);
    for (auto& container : pod_.spec.containers) {
      container.resources.requests["cpu"] = *Quantity::Parse("500m");
      container.resources.limits["cpu"] = *Quantity::Parse("1");
      container.resources.limits["memory"] = *Quantity::Parse("64Mi");
    }
    settings_.mount = mount_;
    settings_.root = "/pods";
    settings_.node.cpu_shares = 2048;
  }
  ~PodCgroupsTest() override { fs::remove_all(mount_); }
  std::string Read(const std::string& path) {
    std::ifstream file(mount_ + path);
    std::string line;
    std::getline(file, line);
    return line;
  }

  std::string mount_;
  core_v1::Pod pod_;
  PodCgroups::Settings settings_;
};

TEST_F(PodCgroupsTest, APodHasTheSumsOfItsContainers) {
  PodCgroups cgroups(settings_);
  ASSERT_TRUE(cgroups.Set(pod_));
  EXPECT_EQ(Read("/pods/burstable/poduid-1/cpu.max"), "200000 100000");
  EXPECT_EQ(Read("/pods/burstable/poduid-1/memory.max"), "134217728");
  EXPECT_EQ(Read("/pods/burstable/poduid-1/cpu.weight"), "39");
  EXPECT_EQ(Read("/pods/burstable/cpu.weight"), "39");
}

TEST_F(PodCgroupsTest, ALimitThatOneContainerDoesNotHaveIsNoLimitOfThePod) {
  pod_.spec.containers[1].resources.limits.erase("memory");
  auto& init = pod_.spec.init_containers.emplace_back();
  init.resources.limits["cpu"] = *Quantity::Parse("3");
  const cri::LinuxResources whole = PodCgroupResources(pod_.spec);
  EXPECT_EQ(whole.memory_limit_bytes, 0);
  EXPECT_EQ(whole.cpu_quota, 300'000);  // Of the init container, which runs alone.
}

TEST_F(PodCgroupsTest, SumsStayLargeBeyondWhatNumbersHold) {
  for (auto& container : pod_.spec.containers) {
    container.resources.limits["memory"] = *Quantity::Parse("8Ei");
  }
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(PodCgroupResources(pod_.spec).memory_limit_bytes, kMost);
  pod_.spec.overhead["memory"] = *Quantity::Parse("8Ei");
  EXPECT_EQ(PodCgroupResources(pod_.spec).memory_limit_bytes, kMost);
}

TEST_F(PodCgroupsTest, BeforeContainersGrowOnlyWhatGrowsIsSet) {
  PodCgroups cgroups(settings_);
  std::ofstream(mount_ + "/pods/burstable/poduid-1/memory.max") << "1073741824";
  std::ofstream(mount_ + "/pods/burstable/poduid-1/cpu.max") << "100000 100000";
  ASSERT_TRUE(cgroups.Raise(pod_));
  EXPECT_EQ(Read("/pods/burstable/poduid-1/memory.max"), "1073741824");
  EXPECT_EQ(Read("/pods/burstable/poduid-1/cpu.max"), "200000 100000");
}

TEST_F(PodCgroupsTest, WhatIsTakenOverWithinAResizeBecomesNoSmaller) {
  PodCgroups cgroups(settings_);
  std::ofstream(mount_ + "/pods/burstable/poduid-1/memory.max") << "1073741824";
  std::ofstream(mount_ + "/pods/burstable/poduid-1/cpu.max") << "100000 100000";
  ASSERT_TRUE(cgroups.TakeOver(pod_));
  EXPECT_EQ(Read("/pods/burstable/poduid-1/memory.max"), "1073741824");
  EXPECT_EQ(Read("/pods/burstable/poduid-1/cpu.max"), "200000 100000");
  EXPECT_EQ(Read("/pods/burstable/cpu.weight"), "39") << "its share counts";
}

TEST_F(PodCgroupsTest, OfPodsThatComeAtOnceTheWholeSumIsWritten) {
  constexpr int kThreads = 4, kRounds = 300;
  PodCgroups cgroups(settings_);
  std::vector<core_v1::Pod> pods(kThreads, pod_);
  for (int i = 0; i < kThreads; ++i) {
    pods[i].metadata.uid = "uid-" + std::to_string(i + 1);
    fs::create_directories(mount_ + "/pods/burstable/pod" + pods[i].metadata.uid);
    for (const char* file : {"cpu.weight", "cpu.max", "memory.max"}) {
      std::ofstream(mount_ + "/pods/burstable/pod" + pods[i].metadata.uid + "/" + file) << "max";
    }
  }
  std::barrier round(kThreads + 1);
  std::vector<std::jthread> threads;
  for (const core_v1::Pod& pod : pods) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        round.arrive_and_wait();
        EXPECT_TRUE(cgroups.Set(pod));
        round.arrive_and_wait();
        round.arrive_and_wait();  // The sum is looked at.
        cgroups.Remove(pod);      // The files are no cgroup's, and stay.
      }
    });
  }
  const std::string wanted = std::to_string(CpuWeight(CpuShares(1000 * kThreads)));
  int stale = 0;
  for (int i = 0; i < kRounds; ++i) {
    round.arrive_and_wait();
    round.arrive_and_wait();
    stale += Read("/pods/burstable/cpu.weight") == wanted ? 0 : 1;
    round.arrive_and_wait();
  }
  threads.clear();
  EXPECT_EQ(stale, 0);
}

TEST_F(PodCgroupsTest, HowManyProcessesThereMayBeIsWrittenWithTheRest) {
  for (const char* path : {"/pods", "/pods/burstable/poduid-1"}) {
    std::ofstream(mount_ + path + "/pids.max") << "max";
  }
  settings_.pod_pids = 70;
  settings_.node_pids = 9000;
  ASSERT_TRUE(PodCgroups(settings_).Make(pod_));
  EXPECT_EQ(Read("/pods/burstable/poduid-1/pids.max"), "70");
  EXPECT_EQ(Read("/pods/pids.max"), "9000");
  settings_.pod_pids = settings_.node_pids = 0;  // Somebody took them out of the configuration.
  ASSERT_TRUE(PodCgroups(settings_).Make(pod_));
  EXPECT_EQ(Read("/pods/burstable/poduid-1/pids.max"), "max");
  EXPECT_EQ(Read("/pods/pids.max"), "max");
}

TEST_F(PodCgroupsTest, OfVersionOneTheyAreAllThatIsWritten) {
  settings_.pids_mount = std::exchange(settings_.mount, "");
  settings_.pod_pids = 70;
  std::ofstream(mount_ + "/pods/burstable/poduid-1/pids.max") << "max";
  PodCgroups cgroups(settings_);
  ASSERT_TRUE(cgroups.Make(pod_));
  EXPECT_EQ(Read("/pods/burstable/poduid-1/pids.max"), "70");
  EXPECT_EQ(Read("/pods/burstable/poduid-1/memory.max"), "max");
  EXPECT_EQ(cgroups.Pods(), std::vector<std::string>{"uid-1"});
  // A limit that cannot be had keeps the pod from starting.
  fs::remove(mount_ + "/pods/burstable/poduid-1/pids.max");
  EXPECT_FALSE(cgroups.Make(pod_));
}

TEST_F(PodCgroupsTest, OfVersionOneWhatTheRuntimeLeavesInAnyHierarchyGoes) {
  settings_.mount.clear();
  for (const char* hierarchy : {"/cpu", "/memory"}) {
    for (const char* pod : {"/burstable/poduid-1", "/poduid-2"}) {
      fs::create_directories(mount_ + hierarchy + "/pods" + pod + "/inner");
    }
    settings_.left_in.push_back(mount_ + hierarchy);
  }
  PodCgroups cgroups(settings_);
  EXPECT_EQ(cgroups.Pods(), (std::vector<std::string>{"uid-1", "uid-2"}));
  EXPECT_TRUE(cgroups.Remove(pod_));
  EXPECT_TRUE(cgroups.RemoveOrphan("uid-2"));
  EXPECT_TRUE(cgroups.Pods().empty());
  EXPECT_TRUE(fs::exists(mount_ + "/memory/pods/burstable"));
}

TEST_F(PodCgroupsTest, ASliceThatSystemdHasMadeForAPodIsStoppedByIt) {
  const std::string slices = mount_ + "/memory/pods.slice/pods-burstable.slice/";
  const std::string own = slices + "pods-burstable-poduid_1.slice";
  const std::string orphan = slices + "pods-burstable-poduid_2.slice";
  fs::create_directories(own + "/cri-containerd-1.scope");  // Of a runtime that is no systemd's.
  fs::create_directories(orphan);
  fs::create_directories(slices + "others.slice");
  settings_.mount = "";
  settings_.left_in = {mount_ + "/memory"};
  std::vector<std::string> stopped;
  bool answers = false;
  settings_.stop_slice = [&](const std::string& name) -> Result<> {
    if (!answers) return Fail(Reason::kServiceUnavailable, "no system bus");
    stopped.push_back(name);
    return {};
  };
  PodCgroups cgroups(settings_);
  EXPECT_EQ(cgroups.Pods(), (std::vector<std::string>{"uid_1", "uid_2"}));
  EXPECT_EQ(cgroups.NameOf("uid-1"), "uid_1");
  EXPECT_FALSE(cgroups.Remove(pod_));
  EXPECT_TRUE(fs::exists(own)) << "it is found again";
  answers = true;
  std::ofstream(own + "/cri-containerd-1.scope/cgroup.procs") << "1\n";
  EXPECT_TRUE(cgroups.Remove(pod_));
  EXPECT_TRUE(stopped.empty()) << "there is a process of somebody's";
  fs::remove(own + "/cri-containerd-1.scope/cgroup.procs");
  EXPECT_TRUE(cgroups.Remove(pod_));
  EXPECT_TRUE(cgroups.RemoveOrphan("uid_2"));
  EXPECT_EQ(stopped, (std::vector<std::string>{"pods-burstable-poduid_1.slice",
                                               "pods-burstable-poduid_2.slice"}));
  EXPECT_TRUE(cgroups.Pods().empty());
  EXPECT_TRUE(cgroups.Remove(pod_)) << "it is gone";
  EXPECT_EQ(stopped.size(), 2u);
}

TEST_F(PodCgroupsTest, APodWithoutTheLimitsThatItIsToHaveIsNotMade) {
  const std::string own = mount_ + "/pods/burstable/poduid-1";
  fs::remove(mount_ + "/pods/cpu.weight");
  fs::remove(mount_ + "/pods/burstable/cpu.weight");
  EXPECT_TRUE(PodCgroups(settings_).Make(pod_)) << "it has its own";
  fs::remove(own + "/memory.max");
  EXPECT_FALSE(PodCgroups(settings_).Make(pod_));
  pod_.spec.containers[0].resources.limits.erase("memory");
  EXPECT_TRUE(PodCgroups(settings_).Make(pod_)) << "it is to have none";
  EXPECT_FALSE(fs::exists(own + "/memory.max"));
  fs::remove(own + "/cpu.weight");
  EXPECT_FALSE(PodCgroups(settings_).Make(pod_));
}

TEST_F(PodCgroupsTest, WithoutQuotasThereIsNoLimitOfProcessors) {
  settings_.limits_cpu = false;
  ASSERT_TRUE(PodCgroups(settings_).Set(pod_));
  EXPECT_EQ(Read("/pods/burstable/poduid-1/cpu.max"), "max 100000");
}

}  // namespace
}  // namespace skiff::kubelet
