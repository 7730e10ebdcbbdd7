// Volumes that no pod has any more, and that their drivers have not let go of yet: no pod waits for
// that, and no attacher takes such a volume away.
#include <algorithm>
#include <utility>

#include "kubelet/csi/csi_volumes.h"
#include "kubelet/csi/names.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet::csi {

void CsiVolumes::Leave(Leftover left, const Error& why) {
  const std::string name = UniqueName(left.volume.driver, left.volume.handle);
  log_.Info("volume not unstaged", {{"volume", name}, {"error", why.message}});
  {
    MutexLock lock(mutex_);
    leftovers_[name] = std::move(left);
  }
  if (sources_.left_over) sources_.left_over();
}

// What a kubelet that ran before has staged; what pods have of it is told when it is looked at.
void CsiVolumes::FindLeftovers() {
  std::map<std::string, Leftover> found;
  const auto take = [&](const std::string& directory, const std::string& device) {
    auto data = ReadVolumeData(directory);
    if (!data) return;
    const std::string name = UniqueName(data->driver, data->handle);
    // Whether it is attached is not written down of a file system.
    if (device.empty()) data->attachment = AttachmentName(data->driver, data->handle, node_name_);
    found[name] = {.volume = std::move(*data), .device = device};
  };
  const std::string all = root_ + "/plugins/kubernetes.io/csi/";
  for (const auto& driver : NamesIn(all)) {
    for (const auto& name : NamesIn(all + driver)) {
      if (driver != kDeviceDirectory) {
        take(all + driver + "/" + name, "");
      } else if (MayNameDevice(name)) {
        take(DevicePlacesOf(root_, name).data, name);
      }
    }
  }
  MutexLock lock(mutex_);
  leftovers_ = std::move(found);
}

CsiVolumes::Leftovers CsiVolumes::UnstageNext(std::string& last) {
  std::map<std::string, Leftover> all;
  {
    MutexLock lock(mutex_);
    all = leftovers_;
  }
  bool is_gone = false;
  for (auto it = all.upper_bound(last); it != all.end(); ++it) {
    last = it->first;
    // One whose driver is not there waits for it.
    const auto endpoint = drivers_.Endpoint(it->second.volume.driver);
    if (!endpoint) continue;
    is_gone = Unstaged(*endpoint, it->first, it->second);
    break;
  }
  if (is_gone && sources_.use_changed) sources_.use_changed();
  MutexLock lock(mutex_);
  if (leftovers_.empty()) return Leftovers::kNone;
  return leftovers_.upper_bound(last) == leftovers_.end() ? Leftovers::kTried : Leftovers::kUntried;
}

bool CsiVolumes::Unstaged(const std::string& endpoint, const std::string& name,
                          const Leftover& left) {
  const NodeClient client(endpoint);
  const Turn turn(*this, name);
  const auto done = left.device.empty()
                        ? UnstageUnlessUsed(client, "", left.volume)
                        : UnstageDeviceUnlessUsed(client, left.device, left.volume.handle);
  if (!done) {
    log_.Info("volume not unstaged", {{"volume", name}, {"error", done.error().message}});
    return false;
  }
  MutexLock lock(mutex_);
  leftovers_.erase(name);
  return true;
}

Duration Unstager::Step() {
  const auto left =
      volumes_ == nullptr ? CsiVolumes::Leftovers::kNone : volumes_->UnstageNext(last_);
  if (left == CsiVolumes::Leftovers::kUntried) return 0ns;
  last_.clear();
  if (left == CsiVolumes::Leftovers::kTried) {
    return std::exchange(delay_, std::min<Duration>(kLongestRetry, delay_ * 2));
  }
  delay_ = kFirstRetry;
  return kNever;
}

}  // namespace skiff::kubelet::csi
