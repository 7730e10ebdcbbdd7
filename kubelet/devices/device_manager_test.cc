#include "kubelet/devices/device_manager.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>

#include "kubelet/devices/device_grpc_fake.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet::devices {
namespace {

constexpr char kGpu[] = "example.com/gpu";
using Calls = std::vector<std::string>;

class DeviceManagerTest : public testing::Test {
 protected:
  DeviceManagerTest() { MakeManager(); }

  void MakeManager() {
    manager_.reset();
    manager_ = std::make_unique<DeviceManager>(tree_.root(), clock_,
                                               DeviceManager::Sources{[this] { return pods_; },
                                                                      [this] {
                                                                        MutexLock lock(mutex_);
                                                                        ++changes_;
                                                                      }},
                                               nullptr);
    manager_->Step();
  }
  void StartPlugin(std::map<std::string, bool> devices) {
    plugin_ = std::make_unique<FakePlugin>(tree_.Path("gpu.sock"));
    plugin_->Tell(std::move(devices));
    ASSERT_EQ(Register(), "");
  }
  std::string Register(const std::string& resource = kGpu, const std::string& version = kVersion) {
    return FakePlugin::RegisterAt(tree_.Path("kubelet.sock"), "gpu.sock", resource, version);
  }
  // What gRPC's threads tell comes some time.
  bool Becomes(const std::function<bool()>& holds) {
    for (int looks = 0; looks < 1000; ++looks) {
      if (holds()) return true;
      MutexLock lock(mutex_);
      never_.wait_for(lock, 10ms);
    }
    return holds();
  }
  void WaitFor(int64_t capacity, int64_t allocatable) {
    const auto is_so = [&] {
      const auto amounts = manager_->Amounts();
      const auto found = amounts.find(kGpu);
      return found != amounts.end() && found->second.capacity == capacity &&
             found->second.allocatable == allocatable;
    };
    ASSERT_TRUE(Becomes(is_so));
  }
  void WaitUntilGone() {
    ASSERT_TRUE(Becomes([&] {
      manager_->Step();
      return manager_->Amounts().at(kGpu).allocatable == 0;
    }));
  }
  int changes() {
    MutexLock lock(mutex_);
    return changes_;
  }
  core_v1::Pod PodOf(const std::string& name, int64_t count, int64_t init_count = 0) {
    core_v1::Pod pod;
    pod.metadata.uid = name;
    const auto add = [](std::vector<core_v1::Container>& list, const char* name, int64_t amount) {
      auto& container = list.emplace_back();
      container.name = name;
      container.resources.limits[kGpu] = Quantity::FromValue(amount);
      container.resources.limits["cpu"] = Quantity::FromValue(1);
    };
    if (init_count > 0) add(pod.spec.init_containers, "init", init_count);
    add(pod.spec.containers, "main", count);
    if (pods_) pods_->insert(name);
    return pod;
  }
  std::string Error(const Result<>& done) { return done ? "" : done.error().message; }

  TemporaryTree tree_;
  FakeClock clock_;
  std::optional<std::set<std::string>> pods_ = std::set<std::string>();
  std::unique_ptr<FakePlugin> plugin_;
  Mutex mutex_;
  CondVar never_;
  int changes_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<DeviceManager> manager_;
};

TEST_F(DeviceManagerTest, AContainerGetsWhatThePluginSaysForItsDevices) {
  StartPlugin({{"a", true}, {"b", true}, {"c", false}});
  WaitFor(3, 2);
  plugin_->preferred = "b";
  const auto pod = PodOf("p1", 1);
  EXPECT_EQ(Error(manager_->Allocate(pod)), "");
  EXPECT_EQ(plugin_->calls, Calls{"allocate b"});
  cri::ContainerConfig config;
  config.envs = {{"DEVICES", "mine"}};
  EXPECT_EQ(Error(manager_->Give(pod, pod.spec.containers[0], config)), "");
  EXPECT_EQ(plugin_->calls, (Calls{"allocate b", "pre-start b"}));
  EXPECT_EQ(config.envs.front().second, "1") << "before its own, which wins";
  ASSERT_EQ(config.devices.size(), 1U);
  EXPECT_EQ(config.devices[0].host_path, "/dev/b");
  EXPECT_EQ(config.cdi_devices, Calls{"v.com/gpu=b"});
  EXPECT_EQ(manager_->InUse(), (std::map<std::string, int64_t>{{kGpu, 1}}));
}

TEST_F(DeviceManagerTest, DevicesOfAPodThatIsGoneAreGivenToTheNext) {
  StartPlugin({{"a", true}});
  WaitFor(1, 1);
  const auto pod = PodOf("p1", 1);
  ASSERT_EQ(Error(manager_->Allocate(pod)), "");
  const auto next = PodOf("p2", 1);
  EXPECT_EQ(Error(manager_->Allocate(next)),
            "requested number of devices unavailable for example.com/gpu. Requested: 1, Available: "
            "0");
  pods_->erase("p1");
  EXPECT_EQ(Error(manager_->Allocate(next)), "");
  pods_.reset();
  EXPECT_NE(Error(manager_->Allocate(PodOf("p3", 1))), "") << "which pods there are is not known";
}

TEST_F(DeviceManagerTest, ContainersHaveWhatInitContainersHad) {
  StartPlugin({{"a", true}, {"b", true}});
  WaitFor(2, 2);
  auto pod = PodOf("p1", 2, 1);
  EXPECT_EQ(Error(manager_->Allocate(pod)), "");
  EXPECT_EQ(plugin_->calls, (Calls{"allocate a", "allocate a b"}));
  pods_->erase("p1");
  pod = PodOf("p2", 2, 1);
  pod.spec.init_containers[0].restart_policy = "Always";
  EXPECT_NE(Error(manager_->Allocate(pod)), "") << "a sidecar keeps its own";
}

TEST_F(DeviceManagerTest, AFailedCallIsSaidAndTakesNothing) {
  StartPlugin({{"a", true}});
  WaitFor(1, 1);
  plugin_->problem = "broken";
  const auto pod = PodOf("p1", 1);
  EXPECT_EQ(Error(manager_->Allocate(pod)), "rpc error: code = Internal desc = broken");
  plugin_->problem.clear();
  EXPECT_EQ(Error(manager_->Allocate(pod)), "");
  plugin_->problem = "cold";
  cri::ContainerConfig config;
  EXPECT_EQ(Error(manager_->Give(pod, pod.spec.containers[0], config)),
            "device plugin PreStartContainer rpc failed with err: rpc error: code = Internal desc "
            "= cold");
}

TEST_F(DeviceManagerTest, AContainerWaitsForThePluginThatHasToBeToldOfItsStart) {
  StartPlugin({{"a", true}});
  WaitFor(1, 1);
  const auto pod = PodOf("p1", 1);
  ASSERT_EQ(Error(manager_->Allocate(pod)), "");
  plugin_.reset();
  WaitUntilGone();
  cri::ContainerConfig config;
  const auto give = [&] { return Error(manager_->Give(pod, pod.spec.containers[0], config)); };
  const std::string stopped =
      "device plugin PreStartContainer rpc failed with err: endpoint example.com/gpu has been "
      "stopped";
  EXPECT_EQ(give(), stopped);
  clock_.Advance(DeviceManager::kStopGrace + 1s);
  EXPECT_EQ(manager_->Amounts().at(kGpu).capacity, 0);
  EXPECT_EQ(give(), stopped) << "it still has its device";
  StartPlugin({{"a", true}});
  WaitFor(1, 1);
  EXPECT_EQ(give(), "");
  EXPECT_EQ(plugin_->calls, Calls{"pre-start a"});
}

TEST_F(DeviceManagerTest, APluginThatEndsLeavesDevicesThatAreNotWellUntilItIsBack) {
  StartPlugin({{"a", true}, {"b", true}});
  WaitFor(2, 2);
  plugin_.reset();
  WaitUntilGone();
  EXPECT_EQ(manager_->Amounts().at(kGpu).capacity, 2);
  EXPECT_EQ(Error(manager_->Allocate(PodOf("p1", 1))),
            "no healthy devices present; cannot allocate unhealthy devices example.com/gpu");
  StartPlugin({{"a", true}});
  WaitFor(1, 1);
  EXPECT_EQ(Error(manager_->Allocate(PodOf("p1", 1))), "");
  plugin_.reset();
  WaitUntilGone();
  clock_.Advance(DeviceManager::kStopGrace + 1s);
  EXPECT_EQ(manager_->Amounts().at(kGpu).capacity, 0);
  EXPECT_TRUE(manager_->Amounts().contains(kGpu)) << "whoever was to tell it may have failed";
}

TEST_F(DeviceManagerTest, ARestartedKubeletGoesOnWithWhatContainersHave) {
  StartPlugin({{"a", true}, {"b", true}});
  WaitFor(2, 2);
  const auto pod = PodOf("p1", 1);
  ASSERT_EQ(Error(manager_->Allocate(pod)), "");
  std::ofstream(tree_.Path("kept")) << "no socket";
  MakeManager();
  EXPECT_FALSE(std::filesystem::exists(tree_.Path("gpu.sock"))) << "plugins see that and come back";
  EXPECT_TRUE(std::filesystem::exists(tree_.Path("kept")));
  EXPECT_TRUE(manager_->was_loaded());
  EXPECT_EQ(manager_->Amounts().at(kGpu).capacity, 0);
  EXPECT_EQ(manager_->InUse()[kGpu], 1);
  plugin_.reset();
  StartPlugin({{"a", true}, {"b", true}});
  WaitFor(2, 2);
  cri::ContainerConfig config;
  EXPECT_EQ(Error(manager_->Give(pod, pod.spec.containers[0], config)), "");
  EXPECT_EQ(plugin_->calls, Calls{"pre-start a"}) << "it has it already";
  EXPECT_EQ(config.devices.size(), 1U);
}

TEST_F(DeviceManagerTest, WhoComesWhileAPluginIsAskedWhatItPrefersWaits) {
  StartPlugin({{"a", true}, {"b", true}});
  WaitFor(2, 2);
  const auto one = PodOf("p1", 1);
  const auto two = PodOf("p2", 1);
  std::future<std::string> other;
  plugin_->prefers = [&] {
    plugin_->prefers = {};
    other = std::async(std::launch::async, [&] { return Error(manager_->Allocate(two)); });
    EXPECT_EQ(other.wait_for(100ms), std::future_status::timeout);
  };
  EXPECT_EQ(Error(manager_->Allocate(one)), "");
  EXPECT_EQ(other.get(), "");
  EXPECT_EQ(manager_->InUse(), (std::map<std::string, int64_t>{{kGpu, 2}}));
}

TEST_F(DeviceManagerTest, APluginThatDoesNotAnswerIsLeftAloneForAMinuteOrUntilItRegistersAgain) {
  StartPlugin({{"a", true}});
  WaitFor(1, 1);
  plugin_->problem = "hangs";
  plugin_->code = grpc::StatusCode::DEADLINE_EXCEEDED;
  const auto pod = PodOf("p1", 1);
  EXPECT_NE(Error(manager_->Allocate(pod)), "");
  EXPECT_EQ(Error(manager_->Allocate(pod)), "endpoint example.com/gpu has been stopped");
  EXPECT_EQ(plugin_->calls.size(), 1U);
  manager_->Step();
  EXPECT_EQ(manager_->Amounts().at(kGpu).allocatable, 0);
  plugin_->problem.clear();
  ASSERT_EQ(Register(), "");
  WaitFor(1, 1);
  plugin_->problem = "hangs";
  EXPECT_NE(Error(manager_->Allocate(pod)), "");
  plugin_->problem.clear();
  EXPECT_LE(manager_->Step(), DeviceManager::kSilentRetry);
  EXPECT_NE(Error(manager_->Allocate(pod)), "");
  clock_.Advance(DeviceManager::kSilentRetry);
  manager_->Step();
  WaitFor(1, 1);
  EXPECT_EQ(Error(manager_->Allocate(pod)), "");
}

TEST_F(DeviceManagerTest, WithoutPluginsAStartKnowsThatThereWereNone) {
  EXPECT_FALSE(manager_->was_loaded());
  manager_->Step();
  MakeManager();
  EXPECT_TRUE(manager_->was_loaded());
}

TEST_F(DeviceManagerTest, APluginThatIsGoneSaysNothingMoreThoughItIsStillAsked) {
  const plugins::PluginInfo info{kPluginType, kGpu, tree_.Path("gpu.sock"), {kVersion}};
  plugin_ = std::make_unique<FakePlugin>(tree_.Path("gpu.sock"));
  plugin_->Tell({{"a", true}});
  ASSERT_EQ(Error(manager_->Register(info)), "");
  WaitFor(1, 1);
  plugin_->prefers = [&] {
    manager_->Unregister(info);
    plugin_->Tell({{"a", true}, {"b", true}});
    MutexLock lock(mutex_);
    never_.wait_for(lock, 200ms);
  };
  EXPECT_NE(Error(manager_->Allocate(PodOf("p1", 1))), "");
  EXPECT_EQ(manager_->Amounts().at(kGpu).capacity, 1);
  EXPECT_EQ(manager_->Amounts().at(kGpu).allocatable, 0);
}

TEST_F(DeviceManagerTest, APluginsListsAreToldOnOnceASecond) {
  StartPlugin({{"a", true}});
  WaitFor(1, 1);
  manager_->Step();
  const int before = changes();
  for (int count = 2; count < 10; ++count) {
    std::map<std::string, bool> devices;
    for (int i = 0; i < count; ++i) devices[std::to_string(i)] = true;
    plugin_->Tell(devices);
    WaitFor(count, count);
    EXPECT_LE(manager_->Step(), DeviceManager::kTellEvery);
  }
  EXPECT_EQ(changes(), before);
  clock_.Advance(DeviceManager::kTellEvery);
  EXPECT_EQ(manager_->Step(), kNever);
  EXPECT_EQ(changes(), before + 1);
}

TEST_F(DeviceManagerTest, WhatRegistersIsCheckedInTheKubeletsWords) {
  plugin_ = std::make_unique<FakePlugin>(tree_.Path("gpu.sock"));
  EXPECT_EQ(Register(kGpu, "v1alpha"),
            "requested API version \"v1alpha\" is not supported by kubelet. Supported version is "
            "[\"v1beta1\"]");
  EXPECT_EQ(Register("cpu"), "the ResourceName \"cpu\" is invalid");
  EXPECT_EQ(manager_->RefusalOf({kPluginType, "cpu", "", {kVersion}}),
            "invalid name of device plugin socket: the ResourceName \"cpu\" is invalid");
  EXPECT_EQ(manager_->RefusalOf({kPluginType, kGpu, "", {"v1", "v2"}}),
            "manager version, v1beta1, is not among plugin supported versions [v1 v2]");
  const plugins::PluginInfo info{kPluginType, kGpu, tree_.Path("gpu.sock"), {kVersion}};
  EXPECT_EQ(manager_->RefusalOf(info), "");
  plugin_->Tell({{"a", true}});
  EXPECT_EQ(Error(manager_->Register(info)), "");
  WaitFor(1, 1);
  manager_->Unregister(info);
  WaitFor(1, 0);
}

}  // namespace
}  // namespace skiff::kubelet::devices
