// What the pods of this node have been allotted, and what the runtime was told of that. Both lie in
// files, so that a kubelet that was restarted neither takes a spec that nobody agreed to for what a
// pod has, nor resizes what has been resized.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "kubelet/resize_plan.h"

namespace skiff::kubelet {

// Thread-safe.
class Resizes {
 public:
  struct Settings {
    std::string directory;  // Of the two files; "": they are kept in memory alone.
    Resources allocatable;
  };
  struct Verdict {
    // As it is to be run, where its spec asks for something else.
    std::optional<core_v1::Pod> pod;
    std::optional<ResizePending> pending;
    bool accepted = false;  // It was allotted something else when it was last asked about.
    int64_t generation = 0;  // Of the spec that was accepted; a later one may be pending.
    const char* trigger = "";  // What made that room, if it had to wait for some.
  };
  // `retry` wakes a pod whose resize waited for room, when it has been given it. Who waits is given
  // what has become free in the order of priorities, guaranteed pods first among equals, then who
  // has waited longest.
  Resizes(Settings settings, std::function<void(const std::string& pod_uid)> retry);

  // A pod that is run here has what its spec asks for when it is first seen. Again and again does
  // no harm.
  void Admit(const core_v1::Pod& pod);
  // Gives the pod what its spec asks for, if there is room.
  Verdict Allot(const core_v1::Pod& pod);
  // The pod as it has been allotted.
  core_v1::Pod Allotted(const core_v1::Pod& pod) const;
  // The same of many: those that have what their spec asks for are not copied.
  std::vector<std::shared_ptr<const core_v1::Pod>> Allotted(
      std::vector<std::shared_ptr<const core_v1::Pod>> pods) const;
  Amounts Actuated(const std::string& pod_uid) const;
  void SetActuated(const std::string& pod_uid, const std::string& container,
                   const core_v1::ResourceRequirements& amounts);
  // It runs no more.
  void Forget(const std::string& pod_uid);
  // What files have of pods that are not in `known` goes: they ended while no kubelet ran. Pods
  // that were admitted since then stay.
  void Retain(const std::set<std::string>& known);

 private:
  using Checkpoint = std::map<std::string, Amounts>;  // By pod uid.
  struct Waiting {
    core_v1::PodSpec wanted;
    int64_t generation = 0;
    uint64_t since = 0;  // A count of those that began to wait.
  };
  struct Given {
    int64_t generation = 0;
    const char* trigger = "";
  };
  // Writes what is there when its turn comes, so that the file is never older than what was saved.
  void Save(const char* name, Checkpoint Resizes::*checkpoint) EXCLUDES(mutex_, file_mutex_);
  Checkpoint Load(const char* name) const;
  Resources UsedByOthers(const std::string& pod_uid) const REQUIRES(mutex_);
  // Gives room to those that wait, as far as there is some; returns who was.
  std::vector<std::string> GiveRoom(const char* trigger) REQUIRES(mutex_);
  void Wake(const std::vector<std::string>& given);

  const Settings settings_;
  const std::function<void(const std::string&)> retry_;
  const Log log_{"resize"};
  Mutex file_mutex_;     // Taken before mutex_: one file is written at a time.
  mutable Mutex mutex_;  // Not held while pods are woken or files written.
  Checkpoint allotted_ GUARDED_BY(mutex_);
  Checkpoint actuated_ GUARDED_BY(mutex_);
  std::map<std::string, Resources> requests_ GUARDED_BY(mutex_);  // Of pods that were admitted.
  std::map<std::string, Waiting> waiting_ GUARDED_BY(mutex_);     // Deferred pods, by uid.
  uint64_t waits_ GUARDED_BY(mutex_) = 0;                         // So many began to.
  // By uids of those that do not know it yet: the generation that was given what it asked for.
  std::map<std::string, Given> given_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
