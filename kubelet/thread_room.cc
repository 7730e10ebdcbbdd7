#include "kubelet/thread_room.h"

namespace skiff::kubelet {

std::shared_ptr<void> ThreadRoom::Enter(const std::string& pod_uid) {
  const auto counts = counts_;
  {
    MutexLock lock(counts->mutex);
    const auto known = counts->of_pod.find(pod_uid);
    const size_t own = known == counts->of_pod.end() ? 0 : known->second;
    if (own > 0 && (own >= limits_.of_pod || counts->all >= limits_.of_all)) return nullptr;
    ++counts->all;
    ++counts->of_pod[pod_uid];
  }
  return std::shared_ptr<void>(counts.get(), [counts, pod_uid](void*) { Leave(*counts, pod_uid); });
}

void ThreadRoom::Leave(Counts& counts, const std::string& pod_uid) {
  MutexLock lock(counts.mutex);
  --counts.all;
  const auto own = counts.of_pod.find(pod_uid);
  if (--own->second == 0) counts.of_pod.erase(own);
}

}  // namespace skiff::kubelet
