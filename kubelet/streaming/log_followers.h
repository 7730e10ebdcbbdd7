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
  explicit FollowedContainer(std::string id) : id_(std::move(id)) {}
  const std::string& id() const { return id_; }
  // False once the container has ended: all it wrote is in its log.
  bool is_running() const { return is_running_; }
  // Called once when it ends; at once when it has.
  void OnEnd(std::function<void()> function);
  void End();

 private:
  const std::string id_;
  std::atomic<bool> is_running_ = true;
  Mutex mutex_;
  std::function<void()> on_end_ GUARDED_BY(mutex_);
};

class LogFollowers final : public ControlLoop {
 public:
  explicit LogFollowers(ContainerRuntime& runtime) : runtime_(runtime) {}
  // The runtime is asked about it soon, and whenever an event is about it. Any thread.
  std::shared_ptr<FollowedContainer> Follow(const std::string& container_id);
  // Any thread; never blocks.
  void Take(const cri::Event& event);
  Duration Step() override;

 private:
  struct Follower {
    std::weak_ptr<FollowedContainer> container;
    bool is_due = true;  // To be asked about.
  };
  ContainerRuntime& runtime_;
  Mutex mutex_;
  std::vector<Follower> followers_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
