// Which ids of the machine the users of a pod are that has `hostUsers: false`: a range for each
// such pod, kept beside its volumes in the form of kube's kubelet, until these go.
//
//   DIRECTORY/POD_UID/userns
//   {"uidMappings":[{"hostId":131072,"containerId":0,"length":65536}],"gidMappings":[...]}
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

inline constexpr int64_t kIdsPerPod = 65'536;  // And what such a number is a multiple of.

struct IdRange {
  uint32_t first = 0;
  uint32_t length = 0;
  bool operator==(const IdRange&) const = default;
};

// What `getsubids kubelet` says ("0: kubelet 65536 7208960"), checked. Pure.
Result<IdRange> ParseSubIds(const std::string& text);
// Invalid where pods could not have ranges of so many ids, or too few of them could.
Result<> CheckIdRange(const IdRange& range, int64_t ids_per_pod, int64_t pods_max);
// Those that this machine has set apart for a user of the name kubelet; all but the first where
// there is no such user.
Result<IdRange> KubeletIdRange(int64_t ids_per_pod);

// Thread-safe.
class UserNamespaces {
 public:
  struct Settings {
    std::string directory;  // Of pods' directories.
    IdRange range;
    int64_t ids_per_pod = kIdsPerPod;
  };
  // Reads what is kept.
  explicit UserNamespaces(Settings settings);

  // The pod's own, from its first call on. Its directory is there.
  Result<cri::NamespaceOptions::User> Of(const std::string& pod_uid);
  // Its directory is gone.
  void Release(const std::string& pod_uid);

 private:
  std::string PathOf(const std::string& pod_uid) const;
  // Unset: nothing is kept. Fails where it is nothing that could be meant.
  Result<std::optional<uint32_t>> Read(const std::string& pod_uid) const;
  std::optional<uint32_t> Unused() const REQUIRES(mutex_);

  const Settings settings_;
  const Log log_{"user_namespaces"};
  mutable Mutex mutex_;                                       // Held while a small file is written.
  std::map<std::string, uint32_t> first_ GUARDED_BY(mutex_);  // Of each pod's ids.
  std::map<uint32_t, std::string> owner_ GUARDED_BY(mutex_);  // The other way round.
  std::set<std::string> unreadable_ GUARDED_BY(mutex_);       // Pods whose range nobody knows.
};

}  // namespace skiff::kubelet
