#include "kubelet/streaming/claim_uses.h"

#include <set>

namespace skiff::kubelet {

std::vector<ClaimUse> ClaimsOf(const MeasuredNode& node) {
  std::vector<ClaimUse> uses;
  std::set<std::pair<std::string, std::string>> told;
  for (const MeasuredPod& pod : node.pods) {
    for (const MeasuredVolume& volume : pod.volumes) {
      if (volume.claim.empty() || !told.emplace(pod.name_space, volume.claim).second) continue;
      uses.push_back({pod.name_space, volume.claim, volume.use});
    }
  }
  return uses;
}

std::vector<Sample> ClaimUses::Samples(
    const std::function<std::optional<uint64_t>(const FsUse&)>& of) {
  MutexLock lock(mutex_);
  if (!seen_at_ || clock_.Monotonic() - *seen_at_ >= kFreshFor) {
    uses_ = look_();
    seen_at_ = clock_.Monotonic();
  }
  std::vector<Sample> samples;
  for (const ClaimUse& each : uses_) {
    if (const auto value = of(each.use)) {
      samples.push_back({{each.name_space, each.claim}, static_cast<double>(*value)});
    }
  }
  return samples;
}

}  // namespace skiff::kubelet
