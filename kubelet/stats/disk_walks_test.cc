#include "kubelet/stats/disk_walks.h"

#include <gtest/gtest.h>

#include <memory>

namespace skiff::kubelet {
namespace {

class DiskWalksTest : public testing::Test {
 protected:
  static Ptr<core_v1::Pod> PodOf(const std::string& uid) {
    core_v1::Pod pod;
    pod.metadata.uid = uid;
    return std::make_shared<const core_v1::Pod>(std::move(pod));
  }
  // That of a hostile one does not end before it may.
  PodDisk Walk(const core_v1::Pod& pod) {
    MutexLock lock(mutex_);
    if (pod.metadata.uid.starts_with("hostile")) {
      ++begun_;
      changed_.notify_all();
      while (held_) changed_.wait(lock);
    }
    return {.bytes = ++walks_};
  }
  void Await(int begun) {
    MutexLock lock(mutex_);
    while (begun_ < begun) changed_.wait(lock);
  }
  void Hold(bool held) {
    MutexLock lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }

  Mutex mutex_;
  CondVar changed_;
  bool held_ GUARDED_BY(mutex_) = true;
  int begun_ GUARDED_BY(mutex_) = 0;
  int64_t walks_ GUARDED_BY(mutex_) = 0;
  const Ptr<core_v1::Pod> hostile_ = PodOf("hostile"), other_ = PodOf("other");
  ThreadExecutor executor_{"test", 8};
};

TEST_F(DiskWalksTest, NobodyWaitsForATreeThatHasNoEnd) {
  std::unique_ptr<TaskPool> tasks = std::make_unique<TaskPool>(executor_);
  DiskWalks walks([this](const core_v1::Pod& pod) { return Walk(pod); }, tasks.get());
  EXPECT_TRUE(walks.Of({hostile_}, 0ns).empty());
  Await(1);
  const auto other = walks.Of({other_}, 1h);
  ASSERT_EQ(other.size(), 1u) << "it has not waited for its neighbour";
  EXPECT_TRUE(walks.Of({hostile_}, 0ns).empty());
  Hold(false);
  EXPECT_EQ(walks.Of({hostile_, other_}, 1h).size(), 2u);
  Hold(true);
  const auto before = walks.Of({hostile_, other_}, 0ns);
  EXPECT_TRUE(before.contains("hostile")) << "it is what was found before";
  Hold(false);
  tasks.reset();  // Before what its tasks use.
}

TEST_F(DiskWalksTest, OnceItEndsNobodyWaitsAndNothingIsWalkedThatHasNotBegun) {
  std::unique_ptr<TaskPool> tasks = std::make_unique<TaskPool>(executor_);
  DiskWalks walks([this](const core_v1::Pod& pod) { return Walk(pod); }, tasks.get());
  std::vector<Ptr<core_v1::Pod>> pods(DiskWalks::kAtOnceMax + 5);
  for (size_t i = 0; i < pods.size(); ++i) {
    pods[i] = PodOf("hostile" + std::to_string(i));
  }
  EXPECT_TRUE(walks.Of(pods, 0ns).empty());
  Await(DiskWalks::kAtOnceMax);
  walks.End();
  Hold(false);
  EXPECT_TRUE(walks.Of({other_}, 1h).empty());
  tasks.reset();
  MutexLock lock(mutex_);
  EXPECT_EQ(begun_, DiskWalks::kAtOnceMax);
}

TEST_F(DiskWalksTest, WhoHasNoTasksWalksHimself) {
  DiskWalks walks([this](const core_v1::Pod& pod) { return Walk(pod); }, nullptr);
  EXPECT_EQ(walks.Of({other_}, 0ns).at("other").bytes, 1);
  EXPECT_EQ(walks.Of({other_}, 0ns).at("other").bytes, 2) << "each time anew";
}

}  // namespace
}  // namespace skiff::kubelet
