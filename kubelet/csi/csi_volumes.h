// Volumes of CSI drivers in pods: waits until they are attached, has their driver stage them once
// for the node and publish them once for each pod, and both taken back. What a kubelet that is
// started anew must know lies on disk, as Kubernetes' own keeps it: vol_data.json, and links of
// volumes that are devices (csi_devices.cc).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/gen/storage_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"
#include "kubelet/csi/drivers.h"
#include "kubelet/csi/names.h"
#include "kubelet/csi/volume_data.h"
#include "kubelet/csi_grpc.h"

namespace skiff::kubelet {
struct VolumeInput;
}

namespace skiff::kubelet::csi {

struct ExpansionPlan;

// Whether the driver has surely not done what it was asked.
bool IsFinal(const Error& error);

class CsiVolumes;

// Has CsiVolumes do what it left undone, a volume a step, so that whoever stops it waits for one
// driver at most; after a round that left some it pauses.
class Unstager final : public ControlLoop {
 public:
  static constexpr Duration kFirstRetry = 500ms;
  static constexpr Duration kLongestRetry = 2min + 2s;

  explicit Unstager(CsiVolumes* volumes) : volumes_(volumes) {}  // nullptr: nothing.
  Duration Step() override;

 private:
  CsiVolumes* const volumes_;
  Duration delay_ = kFirstRetry;
  std::string last_;  // Of this round; "": it begins.
};

// Thread-safe; calls for one volume come one at a time.
class CsiVolumes {
 public:
  static constexpr Duration kRepublishEvery = 1min;
  static constexpr Duration kSilentFor = 1min;
  static constexpr Duration kFirstRetry = 500ms;  // Of growing in use.
  static constexpr Duration kLongestRetry = 2min + 2s;

  // Each lookup asks the API and may block.
  struct Sources {
    // The path by which drivers know the root, of which they mount parts; "": by its own.
    std::string known_root;
    std::function<Result<Ptr<storage_v1::CSIDriver>>(const std::string& name)> driver;
    std::function<Result<Ptr<storage_v1::VolumeAttachment>>(const std::string& name)> attachment;
    // InUse() has changed.
    std::function<void()> use_changed;
    // The pod waits for nothing any more that Reported() tells of.
    std::function<void(const std::string& pod_uid)> wake;
    // Patches the claim's status.
    std::function<Result<Ptr<core_v1::PersistentVolumeClaim>>(
        const core_v1::PersistentVolumeClaim& claim,
        const std::function<void(core_v1::PersistentVolumeClaim&)>& change)>
        patch_claim;
    // The driver's attacher found no room on this node.
    std::function<void(const std::string& driver)> exhausted;
    // UnstageNext() has something to do.
    std::function<void()> left_over;
    // Runs what waits for a driver though no pod waits for it; empty: at once. It is over before
    // this and who gave the VolumeInput end.
    std::function<void(std::function<void()> task)> run;
  };
  CsiVolumes(std::string root, std::string node_name, const Drivers& drivers, Sources sources);

  // As VolumePlugin::set_up, and VolumeManager::SetUp of reasons.
  Result<std::string> SetUp(const VolumeInput& input);
  // Of all volumes that the pod has had made.
  Result<> TearDown(const std::string& pod_uid);
  // Has a driver let go of what no pod has any more, and it did not let go of: of the volume that
  // comes after `last`, which it then is. May block for long.
  enum class Leftovers : uint8_t { kNone, kUntried, kTried };
  Leftovers UnstageNext(std::string& last);
  struct Published {
    std::string driver, handle;
    std::string path;       // Where the driver finds it.
    std::string directory;  // VolumeInput's.
  };
  // What the driver says of a volume that a pod has; waits for it a while, and not for another of
  // the driver's volumes when it has just kept silent.
  Result<VolumeUse> Stats(const Published& volume, Duration now);
  // What the node's status calls volumesInUse, sorted.
  std::vector<std::string> InUse() const;
  // The API has that in the node's status: nothing is used before. Any thread.
  void Reported(const std::vector<std::string>& names);

 private:
  struct Volume;
  class Turn;
  Result<Volume> Look(const VolumeInput& input) const;
  // Whether it has to be attached first; and then what its attacher said.
  Result<> AwaitAttachment(const VolumeInput& input, Volume& volume);
  Result<> Stage(const VolumeInput& input, const NodeClient& client, const Capabilities& able,
                 const Volume& volume);
  Result<> Publish(const VolumeInput& input, const NodeClient& client, const Capabilities& able,
                   const Volume& volume);
  // Has the driver make it, once more where it is there.
  Result<> Make(const VolumeInput& input, Volume& volume);
  // Makes the directories that the driver puts the volume into, and writes what has to be known to
  // take it back. True: nothing said so before, and no kubelet has asked the driver to publish it.
  Result<bool> Prepare(const VolumeInput& input, const Volume& volume);
  // Has it grow to what its claim has been given, at once when it is mounted.
  Result<> Expand(const VolumeInput& input, const NodeClient& client, const Capabilities& able,
                  const Volume& volume);
  void ExpandInUse(const VolumeInput& input);
  void ExpandInUseNow(const VolumeInput& input);
  Result<> ExpandAndTell(const VolumeInput& input, const NodeClient& client,
                         const Capabilities& able, const Volume& volume,
                         core_v1::PersistentVolumeClaim claim, const ExpansionPlan& plan);
  Result<> AskToExpand(const VolumeInput& input, const NodeClient& client, const Capabilities& able,
                       const Volume& volume, const Quantity& size);
  void SetSize(const VolumeInput& input, const Quantity& size);
  Result<> TearDownVolume(const std::string& directory);
  Result<> TearDownDevice(const std::string& pod_uid, const std::string& link);
  // By others than the pod's own directory, or link.
  Result<> UnstageUnlessUsed(const NodeClient& client, const std::string& own,
                             const VolumeData& volume);
  Result<> UnstageDeviceUnlessUsed(const NodeClient& client, const std::string& link,
                                   const std::string& handle);
  Result<> Unstage(const NodeClient& client, const std::string& handle,
                   const std::string& staging_path);
  // Whether the driver may have published what is in the directory, or at the link; from now on it
  // is not taken to be there.
  bool WasAsked(const std::string& directory);
  void Unpublished(const std::string& directory);
  void Forget(const std::string& directory);
  struct Leftover {
    VolumeData volume;
    std::string device;  // The volume's name; "": it is a file system.
  };
  void Leave(Leftover left, const Error& why);
  void FindLeftovers();
  // Whether it is by now.
  bool Unstaged(const std::string& endpoint, const std::string& name, const Leftover& left);
  void SetUnused(const std::string& pod_uid, const std::string& name);
  void SetInUse(const std::string& pod_uid, const std::string& name);
  // A path below the root, as drivers know it.
  std::string Known(const std::string& path) const;

  const std::string root_;
  const std::string node_name_;
  const Drivers& drivers_;
  const Sources sources_;
  const Log log_{"csi"};
  mutable Mutex mutex_;
  CondVar turn_ended_;
  std::set<std::string> busy_ GUARDED_BY(mutex_);  // Unique names of volumes.
  std::map<std::string, Duration> published_
      GUARDED_BY(mutex_);  // Directory or link: when. Monotonic.
  // By directory or link: what size the volume is known to have, and what has failed to grow.
  std::map<std::string, Quantity> sizes_ GUARDED_BY(mutex_);
  std::set<std::string> failed_ GUARDED_BY(mutex_);
  // Of what failed to grow in use: when it is tried again, and how long that is from the last time.
  struct Retry {
    Duration at{}, delay{};
  };
  std::map<std::string, Retry> retries_ GUARDED_BY(mutex_);
  std::set<std::string> growing_ GUARDED_BY(mutex_);  // In use, just now.
  // Directories and links where the driver has nothing published.
  std::set<std::string> unasked_ GUARDED_BY(mutex_);
  std::set<std::string> staged_ GUARDED_BY(mutex_);                         // Staging paths.
  std::map<std::string, std::set<std::string>> in_use_ GUARDED_BY(mutex_);  // By uid of the pod.
  std::set<std::string> reported_ GUARDED_BY(mutex_);
  std::map<std::string, Duration> silent_until_ GUARDED_BY(mutex_);  // By driver: Stats. Monotonic.
  std::map<std::string, Leftover> leftovers_ GUARDED_BY(mutex_);  // By unique name.
};

struct CsiVolumes::Volume {
  VolumeCall call;
  VolumeData data;
  Ptr<storage_v1::CSIDriver> driver;  // nullptr: there is no such object.
  std::vector<std::string> access_modes;
  std::string data_directory;     // Holds vol_data.json.
  std::string staging_directory;  // Of a file system: holds the staging path and its own.
  bool is_inline = false;

  // What an event calls what failed.
  const char* staging_phase() const {
    if (call.is_block) return "MapVolume.SetUpDevice";
    return is_inline ? "MountVolume.SetUp" : "MountVolume.MountDevice";
  }
  const char* publishing_phase() const {
    return call.is_block ? "MapVolume.MapPodDevice" : "MountVolume.SetUp";
  }
};

// One thread at a time for a volume of this name.
class CsiVolumes::Turn {
 public:
  Turn(CsiVolumes& all, std::string name) : all_(all), name_(std::move(name)) {
    MutexLock lock(all_.mutex_);
    while (!all_.busy_.insert(name_).second) all_.turn_ended_.wait(lock);
  }
  ~Turn() {
    MutexLock lock(all_.mutex_);
    all_.busy_.erase(name_);
    all_.turn_ended_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  CsiVolumes& all_;
  const std::string name_;
};

}  // namespace skiff::kubelet::csi
