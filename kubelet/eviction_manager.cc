#include "kubelet/eviction_manager.h"

#include <fmt/format.h>

#include <algorithm>

#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

// Evicted for a threshold that leaves no time, a pod still gets this long.
constexpr int64_t kImmediateGraceSeconds = 1;

bool IsDisk(Signal signal) {
  return PressureOf(signal) == "DiskPressure";
}

}  // namespace

std::set<std::string> EvictionManager::pressures() const {
  MutexLock lock(mutex_);
  return pressures_;
}

bool EvictionManager::WaitsForEvicted(Duration now) {
  std::erase_if(evicted_, hooks_.is_gone);
  if (now - evicted_at_ >= kEvictionPatience) evicted_.clear();
  return !evicted_.empty();
}

Duration EvictionManager::Step() {
  const Duration now = clock_.Monotonic();
  if (WaitsForEvicted(now)) return kEvictionLook;
  Measurements measured = hooks_.measure();
  const EvictionVerdict verdict = judge_.Judge(measured, now);
  bool changed = false;
  {
    MutexLock lock(mutex_);
    changed = pressures_ != verdict.conditions;
    pressures_ = verdict.conditions;
  }
  if (changed) {
    log_.Info("pressures changed",
              {{"now", fmt::format("{}", fmt::join(verdict.conditions, ","))}});
    hooks_.pressures_changed();
  }
  if (EvictForLimits()) return kEvictionLook;
  if (verdict.met.empty()) return kPeriod;
  const Threshold& threshold = verdict.met.front();
  if (IsDisk(threshold.signal) && now < reclaimed_until_) return kEvictionLook;
  hooks_.warn("EvictionThresholdMet",
              fmt::format("Attempting to reclaim {}", StarvedResource(threshold.signal)));
  if (IsDisk(threshold.signal)) {
    if (hooks_.reclaim(threshold.signal)) {
      reclaimed_until_ = now + kReclaimPatience;
      return kEvictionLook;
    }
    measured = hooks_.measure();
    if (!IsMet(threshold, measured, /*with_reclaim=*/true)) return kPeriod;
  }
  return Evict(threshold, measured) ? kEvictionLook : kPeriod;
}

bool EvictionManager::EvictForLimits() {
  std::vector<Ptr<core_v1::Pod>> pods = hooks_.pods();
  std::erase_if(pods, [](const auto& pod) { return !HasLocalStorageLimits(*pod); });
  if (pods.empty()) return false;
  for (const PodUsage& usage : hooks_.usage(pods, /*with_disk=*/true)) {
    const auto excess = LocalStorageExcess(usage);
    if (!excess || IsCriticalPod(*usage.pod)) continue;
    if (!hooks_.evict(*usage.pod, {excess->message}, kImmediateGraceSeconds, false)) {
      continue;
    }
    hooks_.evicted(excess->signal);
    evicted_.push_back(usage.pod->metadata.uid);
    evicted_at_ = clock_.Monotonic();
  }
  return !evicted_.empty();
}

bool EvictionManager::Evict(const Threshold& threshold, const Measurements& measured) {
  std::vector<PodUsage> candidates = hooks_.usage(hooks_.pods(), IsDisk(threshold.signal));
  RankForEviction(threshold.signal, candidates);
  for (const PodUsage& usage : candidates) {
    const core_v1::Pod& pod = *usage.pod;
    if (IsCriticalPod(pod)) continue;
    int64_t grace = kImmediateGraceSeconds;
    if (!threshold.is_hard()) {
      grace = std::min(judge_.settings().max_pod_grace_s,
                       pod.spec.termination_grace_period_seconds.value_or(0));
    }
    if (!hooks_.evict(pod, NoticeOfEviction(threshold, measured, usage), grace, true)) continue;
    hooks_.evicted(SignalText(threshold.signal));
    evicted_ = {pod.metadata.uid};
    evicted_at_ = clock_.Monotonic();
    return true;
  }
  log_.Info("nothing left to evict", {{"signal", SignalText(threshold.signal)}});
  return false;
}

}  // namespace skiff::kubelet
