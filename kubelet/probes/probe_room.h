// How many attempts of probes may hold a thread at one time: a command, or a call over gRPC, takes
// as long as the probe's author gave it, which may be days. Stops and pulls run on these threads
// too.
//
// A pod that has none under way is always let in; one that has some, while there are not too many
// of its own or of all pods. So pods whose probes hang take from each other, and from nobody else.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"

namespace skiff::kubelet {

// Thread-safe; its places may outlive it.
class ProbeRoom {
 public:
  static constexpr size_t kOfPodMax = 30;
  static constexpr size_t kOfAllMax = 300;

  // A place for one attempt of that pod, given back when it is dropped; nullptr: not now.
  std::shared_ptr<void> Enter(const std::string& pod_uid);

 private:
  struct Counts {
    Mutex mutex;
    size_t all GUARDED_BY(mutex) = 0;
    std::map<std::string, size_t> of_pod GUARDED_BY(mutex);  // By uid; no zeros.
  };
  static void Leave(Counts& counts, const std::string& pod_uid);

  const std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace skiff::kubelet
