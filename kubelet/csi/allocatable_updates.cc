#include "kubelet/csi/allocatable_updates.h"

#include <algorithm>
#include <utility>

#include "api/gen/storage_v1.h"
#include "base/seconds.h"
#include "kubelet/csi_grpc.h"

namespace skiff::kubelet::csi {

Duration AllocatableUpdates::Step() {
  std::set<std::string> exhausted;
  {
    MutexLock lock(mutex_);
    exhausted = std::exchange(exhausted_, {});
  }
  const auto drivers = drivers_.List();
  std::erase_if(asked_, [&](const auto& each) {
    return std::none_of(drivers.begin(), drivers.end(),
                        [&](const Driver& driver) { return driver.name == each.first; });
  });
  Duration wait = kLookEvery;
  for (const Driver& driver : drivers) {
    wait = std::min(wait, Look(driver, exhausted.contains(driver.name)));
  }
  return wait;
}

void AllocatableUpdates::Exhausted(const std::string& driver) {
  {
    MutexLock lock(mutex_);
    exhausted_.insert(driver);
  }
  Wake();
}

Duration AllocatableUpdates::Look(const Driver& driver, bool is_exhausted) {
  const Duration now = clock_.Monotonic();
  const auto [found, is_new] = asked_.try_emplace(driver.name);
  Asked& asked = found->second;
  if (is_new) asked.asked_at = now;
  if (is_new || now - asked.looked_at >= kLookEvery) {
    asked.looked_at = now;
    const auto object = client_.Get<storage_v1::CSIDriver>({"", driver.name});
    if (object) {
      asked.period = Seconds((*object)->spec.node_allocatable_update_period_seconds.value_or(0));
    } else if (object.error().reason == Reason::kNotFound) {
      asked.period = Duration::zero();
    }
  }
  if (asked.period <= 0ns) return kLookEvery;
  if (!is_exhausted && now - asked.asked_at < asked.period) {
    return asked.asked_at + asked.period - now;
  }
  asked.asked_at = now;
  if (const auto done = Ask(driver); !done) {
    log_.Info("how many volumes fit is not known anew",
              {{"driver", driver.name}, {"error", done.error().message}});
  }
  return asked.period;
}

Result<> AllocatableUpdates::Ask(const Driver& driver) {
  const NodeInfo info = TRY(NodeClient(driver.endpoint).GetInfo(kAnswerWithin));
  if (info.volumes_max == driver.volumes_max) return {};
  Driver changed = driver;
  changed.volumes_max = info.volumes_max;
  storage_v1::CSINode object = *TRY(client_.Get<storage_v1::CSINode>({"", node_name_}));
  // Meanwhile it may have registered anew: what else it says of itself is not to change.
  if (PutVolumesMax(object, changed)) TRY(client_.Update(object));
  drivers_.SetVolumesMax(driver.name, driver.endpoint, info.volumes_max);
  return {};
}

}  // namespace skiff::kubelet::csi
