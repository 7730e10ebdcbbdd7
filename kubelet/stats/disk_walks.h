// What pods take of the node's disk, found out aside. Who writes a tree decides how long it takes
// to walk it, up to millions of names: the node's memory is not to be watched less often for that.
//
//   for (const auto& [uid, disk] : walks.Of(pods)) ...
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "client/client.h"
#include "kubelet/task_pool.h"

namespace skiff::kubelet {

struct PodDisk {
  int64_t bytes = 0;
  int64_t inodes = 0;
  std::map<std::string, int64_t> container_bytes;  // By name: their logs.
  std::map<std::string, int64_t> empty_dir_bytes;  // By volume, those in memory included.
  // As of PodUsage.
  bool is_unbounded = false;
  std::set<std::string> unbounded_empty_dirs;
};

// Thread-safe.
class DiskWalks {
 public:
  static constexpr int kAtOnceMax = 4;
  static constexpr Duration kPatience = 3s;
  // `walk` finds out what one pod takes, and comes back soon after End; any thread. `tasks`, which
  // ends before this, has the walks run; nullptr: who asks walks himself.
  DiskWalks(std::function<PodDisk(const core_v1::Pod&)> walk, TaskPool* tasks)
      : walk_(std::move(walk)), tasks_(tasks) {}
  // By uid. All are walked anew but those whose walk is still under way, and waited for no longer
  // than `patience`: of those that are not done by then it is what was found before, or they are
  // left out.
  std::map<std::string, PodDisk> Of(const std::vector<Ptr<core_v1::Pod>>& pods,
                                    Duration patience = kPatience);
  // Nobody waits for walks any more, and none begins.
  void End();

 private:
  struct Known {
    bool is_walked = false;        // Its turn is still to come, or it has it.
    std::optional<PodDisk> found;  // By the last walk that has ended.
  };
  // Of these, as far as it is known.
  std::map<std::string, PodDisk> FoundOf(const std::vector<Ptr<core_v1::Pod>>& pods) const
      REQUIRES(mutex_);
  // Walks what is due, one after the other, until nothing is.
  void WalkAll();

  const std::function<PodDisk(const core_v1::Pod&)> walk_;
  TaskPool* const tasks_;
  Mutex mutex_;  // Not held while a tree is walked.
  CondVar walked_;
  std::map<std::string, Known> known_ GUARDED_BY(mutex_);  // By uid.
  std::deque<Ptr<core_v1::Pod>> due_ GUARDED_BY(mutex_);
  int walking_ GUARDED_BY(mutex_) = 0;  // Tasks that walk.
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace skiff::kubelet
