// Keeps a mirror pod in the API for every static pod, so that clients see it: made when it is
// missing, made anew when it mirrors something else or was deleted, removed after its static pod.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"

namespace skiff::kubelet {

class MirrorPods final : public ControlLoop {
 public:
  static constexpr Duration kRetry = 5s;

  MirrorPods(std::string node_name, Client& client)
      : node_name_(std::move(node_name)), client_(client) {}

  // The static pods there shall be, and the names of those that still terminate: their mirrors
  // stay until they are gone. Any thread.
  void Set(std::vector<Ptr<core_v1::Pod>> wanted, std::set<ObjectKey> ending);
  // A mirror pod of this node as the API has it; nullptr: gone. Any thread.
  void Observe(const ObjectKey& key, const Ptr<core_v1::Pod>& mirror);
  // All mirrors have been observed. Nothing is written before.
  void Synced();
  // nullptr when there is none. Any thread.
  Ptr<core_v1::Pod> Find(const ObjectKey& key) const;
  Duration Step() override;

 private:
  Result<> Create(const core_v1::Pod& static_pod);
  Result<> Delete(const core_v1::Pod& mirror);

  const std::string node_name_;
  Client& client_;
  const Log log_{"mirror"};
  Ptr<core_v1::Node> node_;
  mutable Mutex mutex_;
  bool synced_ GUARDED_BY(mutex_) = false;
  bool set_ GUARDED_BY(mutex_) = false;
  std::vector<Ptr<core_v1::Pod>> wanted_ GUARDED_BY(mutex_);
  std::set<ObjectKey> ending_ GUARDED_BY(mutex_);
  std::map<ObjectKey, Ptr<core_v1::Pod>> mirrors_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
