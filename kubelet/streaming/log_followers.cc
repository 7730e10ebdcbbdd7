#include "kubelet/streaming/log_followers.h"

namespace skiff::kubelet {

void FollowedContainer::OnEnd(std::function<void()> function) {
  bool ended = false;
  {
    MutexLock lock(mutex_);
    ended = !is_running_;
    if (!ended) on_end_ = function;
  }
  if (ended) function();
}

void FollowedContainer::End() {
  std::function<void()> function;
  {
    MutexLock lock(mutex_);
    is_running_ = false;
    function = std::move(on_end_);
    on_end_ = nullptr;
  }
  if (function) function();
}

std::shared_ptr<FollowedContainer> LogFollowers::Follow(const std::string& container_id) {
  auto container = std::make_shared<FollowedContainer>(container_id, TakeWatch());
  {
    MutexLock lock(mutex_);
    followers_.push_back({container, true});
  }
  Wake();
  return container;
}

// Given back by whoever drops it, on any thread, and maybe after this has ended.
std::shared_ptr<void> LogFollowers::TakeWatch() const {
  if (++*watches_ > kWatchesMax) {
    --*watches_;
    return nullptr;
  }
  return {watches_.get(), [watches = watches_](void*) { --*watches; }};
}

void LogFollowers::Take(const cri::Event& event) {
  if (event.what != cri::Event::What::kExited && event.what != cri::Event::What::kDeleted &&
      event.what != cri::Event::What::kResync) {
    return;
  }
  bool any = false;
  {
    MutexLock lock(mutex_);
    for (Follower& follower : followers_) {
      const auto container = follower.container.lock();
      if (!container || (!event.id.empty() && container->id() != event.id)) continue;
      follower.is_due = any = true;
    }
  }
  if (any) Wake();
}

Duration LogFollowers::Step() {
  std::vector<std::shared_ptr<FollowedContainer>> due;
  {
    MutexLock lock(mutex_);
    std::erase_if(followers_, [](const Follower& follower) {
      const auto container = follower.container.lock();
      return !container || !container->is_running();
    });
    for (Follower& follower : followers_) {
      if (std::exchange(follower.is_due, false)) due.push_back(follower.container.lock());
    }
  }
  for (const auto& container : due) {
    if (!container) continue;
    const auto status = runtime_.ContainerStatus(container->id());
    const bool is_running = status ? status->state == cri::ContainerState::kRunning
                                   : status.error().reason != Reason::kNotFound;
    if (!is_running) container->End();
  }
  return kNever;
}

}  // namespace skiff::kubelet
