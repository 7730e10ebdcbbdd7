#include "kubelet/probes/probe_room.h"

namespace skiff::kubelet {

std::shared_ptr<void> ProbeRoom::Enter(const std::string& pod_uid) {
  const auto counts = counts_;
  {
    MutexLock lock(counts->mutex);
    const auto known = counts->of_pod.find(pod_uid);
    const size_t own = known == counts->of_pod.end() ? 0 : known->second;
    if (own > 0 && (own >= kOfPodMax || counts->all >= kOfAllMax)) return nullptr;
    ++counts->all;
    ++counts->of_pod[pod_uid];
  }
  return std::shared_ptr<void>(counts.get(), [counts, pod_uid](void*) { Leave(*counts, pod_uid); });
}

void ProbeRoom::Leave(Counts& counts, const std::string& pod_uid) {
  MutexLock lock(counts.mutex);
  --counts.all;
  const auto own = counts.of_pod.find(pod_uid);
  if (--own->second == 0) counts.of_pod.erase(own);
}

}  // namespace skiff::kubelet
