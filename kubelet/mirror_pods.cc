#include "kubelet/mirror_pods.h"

#include "kubelet/static_pod.h"

namespace skiff::kubelet {

void MirrorPods::Set(std::vector<Ptr<core_v1::Pod>> wanted, std::set<ObjectKey> ending) {
  {
    MutexLock lock(mutex_);
    if (set_ && wanted == wanted_ && ending == ending_) return;
    set_ = true;
    wanted_ = std::move(wanted);
    ending_ = std::move(ending);
  }
  Wake();
}

void MirrorPods::Observe(const ObjectKey& key, const Ptr<core_v1::Pod>& mirror) {
  {
    MutexLock lock(mutex_);
    if (mirror) {
      mirrors_[key] = mirror;
    } else {
      mirrors_.erase(key);
    }
  }
  Wake();
}

void MirrorPods::Synced() {
  {
    MutexLock lock(mutex_);
    synced_ = true;
  }
  Wake();
}

Ptr<core_v1::Pod> MirrorPods::Find(const ObjectKey& key) const {
  MutexLock lock(mutex_);
  const auto found = mirrors_.find(key);
  return found == mirrors_.end() ? nullptr : found->second;
}

Duration MirrorPods::Step() {
  std::vector<Ptr<core_v1::Pod>> wanted;
  std::map<ObjectKey, Ptr<core_v1::Pod>> left_over;
  {
    MutexLock lock(mutex_);
    if (!synced_ || !set_) return kNever;
    wanted = wanted_;
    left_over = mirrors_;
    for (const ObjectKey& key : ending_) left_over.erase(key);
  }
  Result<> outcome;
  const auto note = [&](const Result<>& result) {
    if (!result) outcome = result;
  };
  for (const auto& pod : wanted) {
    const ObjectKey key = KeyOf(*pod);
    left_over.erase(key);
    const auto mirror = Find(key);
    if (mirror && Mirrors(*mirror, *pod)) continue;
    if (mirror) note(Delete(*mirror));
    note(Create(*pod));
  }
  for (const auto& [key, mirror] : left_over) note(Delete(*mirror));
  if (outcome) return kNever;
  log_.Info("mirror pods not written", {{"error", outcome.error().message}});
  return kRetry;
}

Result<> MirrorPods::Create(const core_v1::Pod& static_pod) {
  if (!node_) node_ = TRY(client_.Get<core_v1::Node>({"", node_name_}));
  const auto created = client_.Create(MirrorOf(static_pod, *node_));
  // The cache is behind: an event of the object that is there brings us back if it is not ours.
  if (created || created.error().reason == Reason::kAlreadyExists) return {};
  node_ = nullptr;  // It may have been made anew since.
  return tl::unexpected(created.error());
}

Result<> MirrorPods::Delete(const core_v1::Pod& mirror) {
  DeleteOptions options;
  options.grace_period_s = 0;
  options.uid = mirror.metadata.uid;
  const auto deleted = client_.Delete(mirror, options);
  if (deleted || deleted.error().reason == Reason::kNotFound ||
      deleted.error().reason == Reason::kConflict) {
    return {};
  }
  return deleted;
}

}  // namespace skiff::kubelet
