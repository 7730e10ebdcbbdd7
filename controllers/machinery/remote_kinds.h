// The kinds that other API servers have (APIServices that lead to a Service), as far as their
// objects can be listed, watched and deleted: what they own, and who owns them, are objects of this
// cluster as well.
//
// A version whose server is away, or does not answer, has the kinds that it had last: what is known
// of their objects is still true, and no other version waits for it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/apiregistration_v1.h"
#include "base/control_loop.h"
#include "base/mutex.h"
#include "client/manager.h"

namespace skiff {

// Asks each server every 30 seconds, as kube-controller-manager does, and when something is said of
// it.
class RemoteKinds final : public ControlLoop {
 public:
  static constexpr Duration kAskPeriod = 30s;
  // What one version may add: watches of each cost something for good.
  static constexpr size_t kKindsOfVersionMax = 200;
  // Before the start. `changed` is called when Served says something else than before; it must not
  // block.
  RemoteKinds(Manager& manager, std::function<void()> changed);

  // Each resource of a group once, in the version that the group prefers; nullopt: not all servers
  // have been asked yet. Any thread.
  std::optional<std::vector<Resource>> Served() const;

  Duration Step() override;

 private:
  using ApiService = apiregistration_v1::APIService;
  struct Version {
    std::vector<Resource> kinds;
    Duration asked_at = Duration(0);  // Monotonic.
    std::string asked_of;             // The resource version of its APIService.
  };
  // By group, the preferred version first: those that other servers answer for.
  std::map<std::string, std::vector<Ptr<ApiService>>> RemoteVersions() const;
  void Ask(const ApiService& service);

  Manager& manager_;
  const std::function<void()> changed_;
  const Informer<ApiService> services_;
  std::map<std::string, Version> versions_;  // By apiVersion.
  mutable Mutex mutex_;
  std::optional<std::vector<Resource>> served_ GUARDED_BY(mutex_);
};

}  // namespace skiff
