// The cgroups above the containers': one of each pod, of each class of pods, and of all pods. The
// runtime makes those of containers below them, and knows nothing of limits that a pod has as a
// whole.
//
//   /kubepods                  what pods may have of the node
//     /burstable  /besteffort  shares alone: what the pods in it ask for; next to nothing
//       /pod<uid>              sums over the pod's containers
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "kubelet/kubelet_metrics.h"
#include "kubelet/linux_resources.h"

namespace skiff::kubelet {

// Of cgroup v2 without systemd, which writes its slices itself. Of cgroup v1 it writes how many
// processes a pod may have, where that is limited; all else only containers have limits of, there
// and with systemd. What is left of a pod goes on either, and a slice of systemd is stopped, which
// would keep it for ever. Thread-safe.
class PodCgroups {
 public:
  struct Settings {
    std::string mount;  // Of cgroup v2; "": there is nothing to write.
    std::string root;   // "/kubepods"
    cri::LinuxResources node;
    std::map<std::string, int64_t> huge_pages = {};  // As NodeFacts has them.
    std::string pids_mount = {};  // Of v1's hierarchy of pids; "": there is nothing to write.
    int64_t pod_pids = 0;         // How many processes a pod may have; 0: any number.
    int64_t node_pids = 0;        // The same of all pods together.
    bool limits_cpu = true;
    // Hierarchies of v1: in each of them a runtime makes pods' cgroups for its containers, and
    // leaves them when these are gone. A kernel has room for no more than 65535 of memory.
    std::vector<std::string> left_in = {};
    // Where systemd makes pods' cgroups: has it end the slice of this name, which it still has or
    // not. Then there is nothing to write.
    std::function<Result<>(const std::string& name)> stop_slice = nullptr;
  };
  // What it does is timed where there are both.
  explicit PodCgroups(Settings settings, const Clock* clock = nullptr,
                      KubeletMetrics* metrics = nullptr)
      : settings_(std::move(settings)),
        clock_(clock),
        metrics_(clock != nullptr ? metrics : nullptr) {}

  // Makes and limits what all pods are in. False: there is nothing to write.
  Result<bool> Enforce();
  // Makes the pod's, and sets those above it. Fails where the pod cannot have the limits that it is
  // to have.
  Result<> Make(const core_v1::Pod& pod);
  // Sets what becomes larger by that, so that containers may grow.
  Result<> Raise(const core_v1::Pod& pod);
  // Sets all.
  Result<> Set(const core_v1::Pod& pod);
  // One that a kubelet before this one made, and whose containers may still have more than the pod
  // is to have: nothing becomes smaller.
  Result<> TakeOver(const core_v1::Pod& pod);
  // Its containers are gone. Fails as RemoveOrphan does.
  Result<> Remove(const core_v1::Pod& pod);
  // Names of the pods that have one: what NameOf says of their uids.
  std::vector<std::string> Pods() const;
  // systemd's slices have no dashes in a name, and underscores stand for them.
  std::string NameOf(const std::string& pod_uid) const;
  // That of a pod of which nothing is known but the name. Fails where a slice cannot be ended; it
  // is there then for the next time.
  Result<> RemoveOrphan(const std::string& name);

 private:
  Result<> Write(const std::string& path, const cri::LinuxResources& resources,
                 bool only_larger) const;
  // Of one hierarchy, wherever it is mounted.
  Result<> LimitPids(const std::string& folder, int64_t pids) const;
  // Of v1: makes the pod's, with the limits of it and of all.
  Result<> MakePids(const core_v1::Pod& pod) const;
  bool WritesNothing() const { return settings_.mount.empty() && settings_.pids_mount.empty(); }
  std::vector<std::string> Mounts() const;
  cri::LinuxResources ResourcesOf(const core_v1::PodSpec& spec) const;
  std::string PathOf(const core_v1::Pod& pod) const;
  void SetAbove();
  void Share(const core_v1::Pod& pod);
  Result<> SetBurstable();
  void Forget(const std::string& pod_uid);
  CgroupDriver driver() const {
    return settings_.stop_slice ? CgroupDriver::kSystemd : CgroupDriver::kCgroupfs;
  }
  // The cgroup at the path, in every hierarchy.
  Result<> RemoveAt(const std::string& path);

  class Timed;

  const Settings settings_;
  const Clock* const clock_;
  KubeletMetrics* const metrics_;
  // Held from the sum to its write, before mutex_: the sum that is written last is the newest.
  Mutex shares_mutex_;
  Mutex mutex_;  // Not held during writes.
  std::map<std::string, int64_t> burstable_milli_cpu_ GUARDED_BY(mutex_);  // By pod uid.
};

// Of a pod as a whole: a limit only where every container declares one.
cri::LinuxResources PodCgroupResources(const core_v1::PodSpec& spec);

// What cpu.weight of cgroup v2 has for shares of v1.
int64_t CpuWeight(int64_t shares);

}  // namespace skiff::kubelet
