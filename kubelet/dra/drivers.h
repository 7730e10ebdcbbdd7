// The DRA drivers that are registered with this kubelet, each by one plugin or several: one that
// replaces another may run beside it.
//
// Who plans by the ResourceSlices of a node believes that its drivers work. So they are deleted
// in the background when the kubelet starts, tried again until that is done, and so are those of a
// driver that has been away for kWipeDelay.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"
#include "kubelet/dra/dra_grpc.h"
#include "kubelet/node_status.h"
#include "kubelet/plugins/registration.h"

namespace skiff::kubelet::dra {

inline constexpr char kPluginType[] = "DRAPlugin";

// Thread-safe.
class Drivers final : public plugins::PluginHandler, public ControlLoop {
 public:
  static constexpr Duration kWipeDelay = 30s;
  static constexpr Duration kConnectionCheck = 1s;  // Nothing tells of a connection that ends.
  static constexpr Duration kFirstRetry = 1s;
  static constexpr Duration kLongestRetry = 5min;
  static constexpr size_t kPluginsMax = 200;  // Of all drivers.

  Drivers(std::string node_name, Client& client, const Clock& clock, FindNode find,
          DraMetrics* metrics);

  std::string RefusalOf(const plugins::PluginInfo& info) const override;
  Result<> Register(const plugins::PluginInfo& info) override;
  void Unregister(const plugins::PluginInfo& info) override;
  Duration Step() override;

  // The newest plugin of the driver that answers, or the newest.
  Result<std::shared_ptr<const DriverClient>> Find(const std::string& driver) const;

 private:
  struct Wipe {
    Duration due{};  // Monotonic.
    int failures = 0;
  };
  // Adds and drops wipes by who is connected; true while there is somebody to look after.
  bool Look();
  Result<> DeleteSlices(const std::string& driver);

  const std::string node_name_;
  Client& client_;
  const Clock& clock_;
  const FindNode find_;
  DraMetrics* const metrics_;
  const Log log_{"dra"};
  std::map<std::string, Wipe> wipes_;  // By driver; "": all. Touched by Step() alone.
  std::set<std::string> known_;        // Drivers whose slices may be there. The same.
  std::set<std::string> wiped_;        // Registered, and away ever since theirs went. The same.

  mutable Mutex mutex_;
  std::map<std::string, std::vector<std::shared_ptr<const DriverClient>>> plugins_
      GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet::dra
