// A node that runs short: what is measured, what is removed, who is evicted; and a runtime that is
// away.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kubelet/cri_fake.h"
#include "kubelet/eviction_manager.h"
#include "kubelet/image_collector.h"
#include "kubelet/node_stats.h"
#include "kubelet/runtime_health.h"
#include "kubelet/runtime_test_wrapper.h"
#include "kubelet/stats/directory_usage.h"

namespace skiff::kubelet {
namespace {

constexpr int64_t kMi = 1 << 20;

TEST(NodeStatsTest, MemoryThatCanBeHadIsFreeOrUnusedCache) {
  const auto memory = MemoryFrom(
      "MemTotal:        1024 kB\nMemFree:          100 kB\nInactive:         70 kB\n"
      "Inactive(file):   50 kB\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->available, 150 * 1024);
  EXPECT_EQ(memory->capacity, 1024 * 1024);
  EXPECT_FALSE(MemoryFrom("MemTotal: 1 kB\n"));
}

TEST(NodeStatsTest, AWorkingSetIsWhatIsUsedLessTheCacheThatIsNot) {
  EXPECT_EQ(WorkingSetFrom(1000, "anon 5\ninactive_file 300\n"), 700);
  EXPECT_EQ(WorkingSetFrom(1000, "inactive_file 100\ntotal_inactive_file 400\n"), 600);
  EXPECT_EQ(WorkingSetFrom(100, "inactive_file 300\n"), 0);
  EXPECT_EQ(WorkingSetFrom(100, ""), 100);
}

TEST(NodeStatsTest, ProcessesAreThoseOfTheLoadAverage) {
  const auto processes = ProcessesFrom("0.10 0.20 0.30 2/345 6789\n", 1000);
  ASSERT_TRUE(processes);
  EXPECT_EQ(processes->available, 655);
  EXPECT_FALSE(ProcessesFrom("", 1000));
}

TEST(NodeStatsTest, ThisMachineIsMeasured) {
  FakeClock clock;
  SeededRandom random(1);
  cri::FakeRuntime runtime(clock, random, "10.1.0.0/24");
  NodeStats stats(runtime, {.root = "/tmp"});
  const Measurements measured = stats.Measure();
  for (const Signal signal :
       {Signal::kMemoryAvailable, Signal::kNodeFsAvailable, Signal::kPidAvailable}) {
    ASSERT_TRUE(measured.contains(signal)) << SignalText(signal);
    EXPECT_GT(measured.at(signal).available, 0);
    EXPECT_LE(measured.at(signal).available, measured.at(signal).capacity);
  }
}

TEST(NodeStatsTest, ADirectoryTakesWhatItsFilesTake) {
  char name[] = "/tmp/skiff-usage-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string directory = name;
  const DirectoryUsage empty = UsageOfDirectory(directory);
  std::filesystem::create_directories(directory + "/a/b");
  std::ofstream(directory + "/a/b/file") << std::string(100'000, 'x') << std::flush;
  const DirectoryUsage full = UsageOfDirectory(directory);
  EXPECT_GE(full.bytes - empty.bytes, 100'000);
  EXPECT_EQ(full.inodes - empty.inodes, 3);
  std::filesystem::remove_all(directory);
  EXPECT_EQ(UsageOfDirectory(directory).inodes, 0);
}

ImageRecord Image(const std::string& id, int64_t mi, Duration last_used) {
  return {id, mi * kMi, false, false, 0s, last_used};
}

TEST(ImagesToRemoveTest, TheLeastRecentlyUsedGoUntilThereIsEnough) {
  ImageRecord pinned = Image("pinned", 100, 0s);
  pinned.pinned = true;
  ImageRecord used = Image("used", 100, 0s);
  used.in_use = true;
  ImageRecord young = Image("young", 100, 0s);
  young.first_seen = 950s;
  const std::vector<ImageRecord> images = {Image("newer", 50, 500s), Image("older", 50, 100s),
                                           pinned, used, young};
  const auto ids = [&](int64_t mi) {
    std::vector<std::string> out;
    for (const auto& each : ImagesToRemove(images, mi * kMi, 1000s, 120s)) out.push_back(each.id);
    return out;
  };
  EXPECT_EQ(ids(0), std::vector<std::string>{});
  EXPECT_EQ(ids(30), std::vector<std::string>{"older"});
  EXPECT_EQ(ids(1000), (std::vector<std::string>{"older", "newer"}));
}

TEST(OldImagesTest, ThoseOutOfUseForLongerGoOnceSomebodyHasLookedForSoLong) {
  ImageRecord pinned = Image("pinned", 1, 0s);
  pinned.pinned = true;
  ImageRecord used = Image("used", 1, 0s);
  used.in_use = true;
  ImageRecord pulled = Image("pulled", 1, 0s);
  pulled.first_seen = 450s;
  const std::vector<ImageRecord> images = {Image("never", 1, 0s), Image("old", 1, 150s),
                                           Image("new", 1, 400s), pinned, used, pulled};
  const auto ids = [&](Duration now, Duration maximum_age) {
    std::vector<std::string> out;
    for (const auto& each : OldImages(images, now, 100s, maximum_age)) out.push_back(each.id);
    return out;
  };
  EXPECT_EQ(ids(500s, 300s), (std::vector<std::string>{"never", "old"}));
  EXPECT_EQ(ids(400s, 300s), std::vector<std::string>{});  // It looks since 100 s.
  EXPECT_EQ(ids(5000s, 0s), std::vector<std::string>{});
}

TEST(ImageCollectorTest, WhatCannotBeFreedIsToldOfAndAsAFailureTheSecondTime) {
  FakeClock clock;
  SeededRandom random(1);
  cri::FakeRuntime runtime(clock, random, "10.1.0.0/24");
  std::vector<std::string> told;
  Measurement disk{16 * 1024 * kMi, 100 * 1024 * kMi};
  ImageCollector collector({}, {runtime, clock,
                                [&](const std::string& reason, const std::string& text) {
                                  told.push_back(reason + " " + text);
                                },
                                [&] { return std::optional(disk); }});
  (void)collector.Step();
  EXPECT_TRUE(told.empty());
  disk.available = 10 * 1024 * kMi;
  (void)collector.Step();
  const std::string text =
      "Insufficient free disk space on the node's image filesystem (90% of 100.0 GiB used). Failed "
      "to free sufficient space by deleting unused images (freed 0 bytes). Investigate disk usage, "
      "as it could be used by active images, logs, volumes, or other data.";
  EXPECT_EQ(told, std::vector<std::string>{"FreeDiskSpaceFailed " + text});
  (void)collector.Step();
  EXPECT_EQ(told.size(), 3u);
  EXPECT_EQ(told.back(), "ImageGCFailed " + text);
}

class StoredImagesRuntime final : public cri::WrappedRuntime {
 public:
  explicit StoredImagesRuntime(ContainerRuntime& inner) : WrappedRuntime(inner) {}
  Result<std::vector<cri::Image>> ListImages(const std::string&) override { return images; }
  Result<> RemoveImage(const std::string& image) override {
    removed.push_back(image);
    return {};
  }
  Result<std::string> SandboxImage() override { return sandbox_image; }
  std::vector<cri::Image> images;
  std::vector<std::string> removed;
  std::string sandbox_image;
};

TEST(ImageCollectorTest, TheImageOfSandboxesStaysAndNoneThatIsOnlyCalledLikeIt) {
  FakeClock clock;
  SeededRandom random(1);
  cri::FakeRuntime fake(clock, random, "10.1.0.0/24");
  StoredImagesRuntime runtime(fake);
  runtime.sandbox_image = "rancher/pause:3.6";
  for (const char* name : {"docker.io/rancher/pause:3.6", "quay.io/stranger/pause:3.6"}) {
    auto& image = runtime.images.emplace_back();
    image.id = std::string("sha256:") + name;
    image.repo_tags = {name};
    image.size_bytes = kMi;
  }
  ImageCollector collector({}, {runtime, clock, [](const std::string&, const std::string&) {},
                                [] { return std::optional<Measurement>(); }});
  ASSERT_TRUE(collector.Free(kMi));
  clock.Advance(1h);
  ASSERT_TRUE(collector.Free(2 * kMi));
  EXPECT_EQ(runtime.removed, std::vector<std::string>{"sha256:quay.io/stranger/pause:3.6"});
}

TEST(ImageCollectorTest, AnImageThatIsAVolumeIsInUse) {
  FakeClock clock;
  SeededRandom random(1);
  cri::FakeRuntime fake(clock, random, "10.1.0.0/24");
  StoredImagesRuntime runtime(fake);
  for (const char* id : {"sha256:model", "sha256:old"}) {
    auto& image = runtime.images.emplace_back();
    image.id = id;
    image.size_bytes = kMi;
  }
  cri::SandboxConfig sandbox;
  sandbox.metadata = {"web", "uid-1", "default", 0};
  const auto sandbox_id = runtime.RunPodSandbox(sandbox, "");
  ASSERT_TRUE(sandbox_id);
  cri::ContainerConfig config;
  config.metadata.name = "app";
  auto& mount = config.mounts.emplace_back();
  mount.container_path = "/model";
  mount.image.emplace().image = "sha256:model";
  ASSERT_TRUE(runtime.CreateContainer(*sandbox_id, config, sandbox));
  ImageCollector collector({}, {runtime, clock, [](const std::string&, const std::string&) {},
                                [] { return std::optional<Measurement>(); }});
  ASSERT_TRUE(collector.Free(kMi));
  clock.Advance(1h);
  ASSERT_TRUE(collector.Free(2 * kMi));
  EXPECT_EQ(runtime.removed, std::vector<std::string>{"sha256:old"});
}

// A node whose numbers and pods the test chooses.
class EvictionManagerTest : public testing::Test {
 protected:
  EvictionManagerTest() {
    executor_.Add(manager_);
    executor_.RunUntilIdle();
  }
  ~EvictionManagerTest() override { executor_.Remove(manager_); }
  void AddPod(const std::string& name, int64_t used_mi, int32_t priority = 0) {
    auto pod = std::make_shared<core_v1::Pod>();
    pod->metadata.name = pod->metadata.uid = name;
    pod->spec.priority = priority;
    pod->spec.containers.emplace_back().name = "c";
    PodUsage usage;
    usage.pod = pod;
    usage.is_known = true;
    usage.memory_bytes = usage.disk_bytes = used_mi * kMi;
    usage.containers["c"] = {used_mi * kMi, used_mi * kMi};
    usages_[name] = usage;
  }
  std::vector<Ptr<core_v1::Pod>> Pods() const {
    std::vector<Ptr<core_v1::Pod>> pods;
    for (const auto& [name, usage] : usages_) pods.push_back(usage.pod);
    return pods;
  }
  bool Evict(const core_v1::Pod& pod, const EvictionNotice& notice, bool is_disruption) {
    evicted_.push_back(pod.metadata.name);
    is_disruption_ = is_disruption;
    message_ = notice.message;
    return true;
  }
  EvictionManager::Hooks Hooks() {
    return {[this] { return measured_; },
            [this] { return Pods(); },
            [this](const std::vector<Ptr<core_v1::Pod>>& pods, bool) {
              std::vector<PodUsage> out;
              for (const auto& pod : pods) out.push_back(usages_.at(pod->metadata.name));
              return out;
            },
            [this](Signal) {
              ++reclaims_;
              if (frees_ && !frees_late_) measured_ = Measurements();
              return frees_;
            },
            [this](const core_v1::Pod& pod, const EvictionNotice& notice, int64_t,
                   bool is_disruption) { return Evict(pod, notice, is_disruption); },
            [this](const std::string& uid) { return !usages_.contains(uid); },
            [this] { ++pressure_changes_; },
            [this](const std::string& reason, const std::string&) { warnings_.push_back(reason); }};
  }
  static EvictionSettings Settings() { return {*ParseThresholds({}), 300s, 0}; }

  FakeClock clock_;
  SteppedExecutor executor_{clock_, 1};
  Measurements measured_;
  std::map<std::string, PodUsage> usages_;
  bool frees_ = false;
  bool frees_late_ = false;
  int reclaims_ = 0;
  int pressure_changes_ = 0;
  std::vector<std::string> evicted_, warnings_;
  bool is_disruption_ = false;
  std::string message_;
  EvictionManager manager_{Settings(), clock_, Hooks()};
};

TEST_F(EvictionManagerTest, OnePodAfterTheOtherGoesAndCriticalOnesStay) {
  AddPod("small", 10);
  AddPod("large", 500);
  AddPod("critical", 900, 2'000'000'000);
  measured_[Signal::kMemoryAvailable] = {50 * kMi, 1000 * kMi};
  executor_.RunFor(12s);
  EXPECT_EQ(evicted_, std::vector<std::string>{"large"});
  EXPECT_EQ(manager_.pressures(), std::set<std::string>{"MemoryPressure"});
  EXPECT_EQ(warnings_, std::vector<std::string>{"EvictionThresholdMet"});
  usages_.erase("large");  // It is gone: the next one, since memory is short still.
  executor_.RunFor(3s);
  EXPECT_EQ(evicted_, (std::vector<std::string>{"large", "small"}));
  EXPECT_EQ(pressure_changes_, 1);
  usages_.erase("small");
  executor_.RunFor(60s);
  EXPECT_EQ(evicted_.size(), 2u);
}

TEST_F(EvictionManagerTest, PodsKeepWithinWhatTheyMayHaveOfTheMachine) {
  AddPod("large", 500);
  measured_[Signal::kMemoryAvailable] = {4000 * kMi, 8000 * kMi};
  measured_[Signal::kAllocatableMemoryAvailable] = {50 * kMi, 1000 * kMi};
  executor_.RunFor(12s);
  EXPECT_EQ(evicted_, std::vector<std::string>{"large"});
  EXPECT_EQ(manager_.pressures(), std::set<std::string>{"MemoryPressure"});
  EXPECT_EQ(message_,
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
            "Container c was using 500Mi, request is 0, has larger consumption of memory. ");
}

TEST_F(EvictionManagerTest, APodThatDoesNotGoIsNotWaitedForForever) {
  AddPod("stuck", 500);
  AddPod("other", 10);
  measured_[Signal::kMemoryAvailable] = {50 * kMi, 1000 * kMi};
  executor_.RunFor(30s);
  EXPECT_EQ(evicted_.size(), 1u);
  executor_.RunFor(30s);
  EXPECT_GE(evicted_.size(), 2u);
}

TEST_F(EvictionManagerTest, ForDiskImagesAndDeadContainersGoFirst) {
  AddPod("web", 500);
  frees_ = true;
  measured_[Signal::kNodeFsAvailable] = {5 * kMi, 1000 * kMi};
  executor_.RunFor(12s);
  EXPECT_EQ(reclaims_, 1);
  EXPECT_TRUE(evicted_.empty());
  EXPECT_EQ(manager_.pressures(), std::set<std::string>{"DiskPressure"});
  frees_ = false;
  measured_[Signal::kNodeFsAvailable] = {5 * kMi, 1000 * kMi};
  executor_.RunFor(12s);
  EXPECT_EQ(evicted_, std::vector<std::string>{"web"});
  EXPECT_EQ(message_,
            "The node was low on resource: ephemeral-storage. Threshold quantity: 100Mi, "
            "available: 5Mi. Container c was using 500Mi, request is 0, has larger consumption of "
            "ephemeral-storage. ");
  EXPECT_TRUE(is_disruption_);
}

TEST_F(EvictionManagerTest, AllWhoTakeMoreThanTheySaidGoAtOnceAndAreNotDisrupted) {
  for (const char* name : {"db", "web"}) {
    AddPod(name, 500);
    PodUsage& usage = usages_.at(name);
    core_v1::Pod pod = *usage.pod;
    pod.spec.containers[0].resources.limits["ephemeral-storage"] = *Quantity::Parse("40Mi");
    usage.pod = std::make_shared<const core_v1::Pod>(pod);
  }
  AddPod("cache", 500);
  executor_.RunFor(12s);
  EXPECT_EQ(evicted_, (std::vector<std::string>{"db", "web"}));
  EXPECT_FALSE(is_disruption_);
  usages_.erase("db");
  executor_.RunFor(3s);
  EXPECT_EQ(evicted_.size(), 2u) << "the other one has not gone yet";
}

TEST_F(EvictionManagerTest, WhatWasRemovedIsWaitedForBeforeAnotherPodGoes) {
  AddPod("web", 500);
  frees_ = frees_late_ = true;
  measured_[Signal::kNodeFsAvailable] = {5 * kMi, 1000 * kMi};
  executor_.RunFor(EvictionManager::kPeriod + EvictionManager::kReclaimPatience / 2);
  EXPECT_EQ(reclaims_, 1);
  EXPECT_TRUE(evicted_.empty());
  frees_ = false;  // Nothing is left to remove, and no space has come of it.
  executor_.RunFor(EvictionManager::kReclaimPatience);
  EXPECT_EQ(evicted_, std::vector<std::string>{"web"});
}

class RuntimeHealthTest : public testing::Test {
 protected:
  RuntimeHealthTest() { executor_.Add(health_); }
  ~RuntimeHealthTest() override { executor_.Remove(health_); }
  FakeClock clock_;
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  cri::FakeRuntime runtime_{clock_, random_, "10.1.0.0/24"};
  int changes_ = 0;
  RuntimeHealth health_{runtime_, clock_, [this] { ++changes_; }};
};

TEST_F(RuntimeHealthTest, ARuntimeIsDownWhenItHasBeenAwayForHalfAMinute) {
  EXPECT_EQ(health_.Problem(), "container runtime status check may not have completed yet");
  executor_.RunUntilIdle();
  EXPECT_EQ(health_.Problem(), "");
  EXPECT_EQ(changes_, 1);
  runtime_.SetDown(true);
  executor_.RunFor(20s);
  EXPECT_EQ(health_.Problem(), "");
  executor_.RunFor(20s);
  EXPECT_EQ(health_.Problem(), "container runtime is down");
  EXPECT_EQ(changes_, 2);
  runtime_.SetDown(false);
  executor_.RunFor(10s);
  EXPECT_EQ(health_.Problem(), "");
  EXPECT_EQ(changes_, 3);
}

TEST_F(RuntimeHealthTest, OneThatHasNeverAnsweredIsDownAtOnce) {
  runtime_.SetDown(true);
  executor_.RunUntilIdle();
  EXPECT_EQ(health_.Problem(), "container runtime is down");
}

}  // namespace
}  // namespace skiff::kubelet
