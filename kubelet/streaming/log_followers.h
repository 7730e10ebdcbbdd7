// Tells streams of logs when the container that writes them has ended. One loop for all of them, so
// that nobody asks the runtime on a thread that has connections to serve.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/mutex.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

// A container that somebody follows; the follower drops it when it is done. Thread-safe.
class FollowedContainer {
 public:
  // `watch`: that its log may be watched; dropped with it.
  explicit FollowedContainer(std::string id, std::shared_ptr<void> watch = nullptr)
      : id_(std::move(id)), watch_(std::move(watch)) {}
  const std::string& id() const { return id_; }
  // Else it is looked at now and then whether the log has grown.
  bool may_watch() const { return watch_ != nullptr; }
  // False once the container has ended: all it wrote is in its log.
  bool is_running() const { return is_running_; }
  // Called once when it ends; at once when it has.
  void OnEnd(std::function<void()> function);
  void End();

 private:
  const std::string id_;
  const std::shared_ptr<void> watch_;
  std::atomic<bool> is_running_ = true;
  Mutex mutex_;
  std::function<void()> on_end_ GUARDED_BY(mutex_);
};

class LogFollowers final : public ControlLoop {
 public:
  // So many logs are watched at one time. Each takes one of the few inotify instances that a user
  // of the machine may have, 128 of all of root's processes: who follows many logs must not keep
  // containerd from one when it starts.
  static constexpr int kWatchesMax = 32;
  explicit LogFollowers(ContainerRuntime& runtime) : runtime_(runtime) {}
  // The runtime is asked about it soon, and whenever an event is about it. Any thread.
  std::shared_ptr<FollowedContainer> Follow(const std::string& container_id);
  // Any thread; never blocks.
  void Take(const cri::Event& event);
  Duration Step() override;

 private:
  // nullptr: there are no more.
  std::shared_ptr<void> TakeWatch() const;
  struct Follower {
    std::weak_ptr<FollowedContainer> container;
    bool is_due = true;  // To be asked about.
  };
  ContainerRuntime& runtime_;
  const std::shared_ptr<std::atomic<int>> watches_ = std::make_shared<std::atomic<int>>(0);
  Mutex mutex_;
  std::vector<Follower> followers_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
