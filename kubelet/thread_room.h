// How many threads of those that stops, pulls and commands in containers share the calls of one
// sort may hold at one time: a probe's command and the stop of a container take as long as the
// pod's author gave them, which may be days.
//
// A pod that holds none is always let in; one that holds some, while there are not too many of its
// own or of all pods. So pods whose calls hang take from each other, and from nobody else.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"

namespace skiff::kubelet {

// Thread-safe; its places may outlive it.
class ThreadRoom {
 public:
  struct Limits {
    size_t of_pod;
    size_t of_all;
  };
  explicit ThreadRoom(Limits limits) : limits_(limits) {}
  // A place for one call of that pod, given back when it is dropped; nullptr: not now.
  std::shared_ptr<void> Enter(const std::string& pod_uid);

 private:
  struct Counts {
    Mutex mutex;
    size_t all GUARDED_BY(mutex) = 0;
    std::map<std::string, size_t> of_pod GUARDED_BY(mutex);  // By uid; no zeros.
  };
  static void Leave(Counts& counts, const std::string& pod_uid);

  const Limits limits_;
  const std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace skiff::kubelet
