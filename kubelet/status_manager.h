// Writes the statuses of pods to the API: the newest of each pod, as a merge patch, and at last the
// removal of pods that are gone.
#pragma once

#include <map>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"

namespace skiff::kubelet {

class StatusManager final : public ControlLoop {
 public:
  static constexpr Duration kRetryDelay = 1s;

  StatusManager(Client& client) : client_(client) {}  // NOLINT

  // `pod` as the API has it; `status` as it shall be. Any thread.
  void Set(const Ptr<core_v1::Pod>& pod, core_v1::PodStatus status);
  // Its containers and volumes are gone: once its last status is written, the object is deleted.
  void Finish(const Ptr<core_v1::Pod>& pod);
  // The object is gone from the API.
  void Forget(const std::string& uid);
  Duration Step() override;

 private:
  struct Entry {
    Ptr<core_v1::Pod> pod;
    core_v1::PodStatus status;
    uint64_t version = 0;
    uint64_t written = 0;
    bool finished = false;
  };
  // True when nothing is left to do for it now; the entry may have changed meanwhile.
  bool Write(const Entry& entry);
  bool Remove(const Entry& entry);

  Client& client_;
  const Log log_{"status"};
  Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);  // By uid.
};

}  // namespace skiff::kubelet
