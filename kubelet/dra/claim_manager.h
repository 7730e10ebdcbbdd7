// Prepares the resource claims of pods before they start, and gives them back when the last pod
// that uses one is done. Claims that pods share are prepared once.
//
//   pod starts --> Prepare:   check all claims --> remember (file) --> drivers prepare --> remember
//   containers --> CdiDevices
//   pod is done -> Unprepare: drivers take back --> forget (file)
//
// What is remembered before a driver is asked is given back even if the kubelet dies in between:
// claims of pods that are no more are found every kCheckEvery. A file that cannot be read is read
// again as often.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"
#include "kubelet/dra/claims.h"
#include "kubelet/dra/drivers.h"

namespace skiff::kubelet::dra {

// Thread-safe.
class ClaimManager final : public ControlLoop {
 public:
  static constexpr Duration kCheckEvery = 60s;
  struct Sources {
    std::function<Result<Ptr<resource_v1::ResourceClaim>>(const ObjectKey& key)> claim;
    // Uids of all pods there are; nullopt before they are known.
    std::function<std::optional<std::set<std::string>>()> pods;
  };

  // `file`: where it keeps what it knows. `metrics` may be nullptr.
  ClaimManager(std::string file, const Drivers& drivers, Sources sources, DraMetrics* metrics);

  // Both in the kubelet's words, and to be called again when they fail.
  Result<> Prepare(const core_v1::Pod& pod);
  Result<> Unprepare(const core_v1::Pod& pod);
  // Of the claims that a container names.
  Result<std::vector<std::string>> CdiDevices(const core_v1::Pod& pod,
                                              const core_v1::Container& container) const;
  // The claims that a container names, with all that drivers gave for them.
  Result<std::vector<ClaimInfo>> ClaimsOf(const core_v1::Pod& pod,
                                          const core_v1::Container& container) const;
  Duration Step() override;
  // How many claims are prepared, by driver, and as "<any>" in all.
  std::vector<Sample> InUse() const;

 private:
  struct Wanted {
    ClaimInfo info;
    std::map<std::string, std::shared_ptr<const DriverClient>> drivers;
  };
  // Those of them that the container names, each as often, with the request that it wants of it.
  Result<std::vector<std::pair<ClaimInfo, std::string>>> Named(
      const core_v1::Pod& pod, const core_v1::Container& container) const;
  Result<> PrepareNow(const core_v1::Pod& pod);
  Result<std::vector<Wanted>> Check(const core_v1::Pod& pod) const;
  // Adds the pod to its claims; what is left of `wanted` has to be prepared.
  Result<> Remember(const std::string& pod_uid, std::vector<Wanted>& wanted);
  Result<> CallPrepare(const DriverClient& driver, const std::vector<ClaimInfo>& claims);
  Result<> UnprepareNow(const std::string& pod_uid, const std::vector<ObjectKey>& keys);
  // Takes the pod from claims that others use as well; returns the others, which are leaving now.
  Result<std::vector<ClaimInfo>> BeginLeaving(const std::string& pod_uid,
                                              const std::vector<ObjectKey>& keys);
  void EndLeaving(const std::string& pod_uid, const std::vector<ClaimInfo>& claims, bool succeeded);
  Result<> CallUnprepare(const std::string& driver, const std::vector<ClaimInfo>& claims) const;
  Result<> Save();
  Result<> Load();
  void Measure(const char* operation, Duration begun, bool succeeded) const;

  const std::string file_;
  const Drivers& drivers_;
  const Sources sources_;
  DraMetrics* const metrics_;
  const Log log_{"dra"};
  Mutex saving_;  // Taken before the other; held while the file is written.
  mutable Mutex mutex_;
  Claims claims_ GUARDED_BY(mutex_);
  // Why the file cannot be read. What it says is prepared must not be forgotten: until it is
  // repaired or taken away no claim is prepared or given back, and it is left as it is.
  std::optional<Error> unreadable_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet::dra
