// Device plugins of this node: they register on <root>/device-plugins/kubelet.sock (or as other
// plugins do), say what devices there are, and give containers what those need.
//
//   plugin -- Register --> Connect --> ListAndWatch ... ends: its devices are not well
//                                                          --> after kStopGrace they are no more
//   pod comes --> Allocate (all its containers) --> its containers --> Give (before each start)
//
// Which container has which devices is kept in a file: a restarted kubelet goes on with it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "api/gen/core_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "kubelet/cri.h"
#include "kubelet/devices/device_book.h"
#include "kubelet/devices/device_grpc.h"
#include "kubelet/plugins/registration.h"

namespace skiff::kubelet::devices {

inline constexpr char kPluginType[] = "DevicePlugin";

struct DeviceMetrics {
  explicit DeviceMetrics(MetricRegistry& registry);
  CounterFamily& registrations;         // resource_name
  HistogramFamily& allocation_seconds;  // resource_name
};

// Thread-safe.
class DeviceManager final : public plugins::PluginHandler, public ControlLoop {
 public:
  static constexpr Duration kStopGrace = 5min;
  static constexpr Duration kListenRetry = 10s;
  static constexpr Duration kSilentRetry = 1min;
  static constexpr Duration kTellEvery = 1s;  // At most, however often plugins do.
  static constexpr size_t kResourcesMax = 200;
  struct Sources {
    // Uids of the pods that have a place here; nullopt before they are known.
    std::function<std::optional<std::set<std::string>>()> pods;
    // There are other devices than before. Any thread.
    std::function<void()> changed;
  };

  // `directory`: of sockets and the file. `metrics` may be nullptr.
  DeviceManager(std::string directory, const Clock& clock, Sources sources, DeviceMetrics* metrics);
  ~DeviceManager() override;
  // Listens, lets plugins go that are away, and tells of what has changed.
  Duration Step() override;

  std::string RefusalOf(const plugins::PluginInfo& info) const override;
  Result<> Register(const plugins::PluginInfo& info) override;
  void Unregister(const plugins::PluginInfo& info) override;

  // Whether it was known at the start who has which devices. If not, the plugins' resources that
  // the node's status names are not known to be such.
  bool was_loaded() const { return was_loaded_; }
  // Of all resources of plugins, zero of those that are gone.
  std::map<std::string, DeviceBook::Amounts> Amounts();
  // How many devices pods have of each: a node can give that many, whatever plugins say now.
  std::map<std::string, int64_t> InUse() const;
  // As DeviceBook's.
  std::vector<ListedDevice> DevicesOf(const std::string& pod, const std::string& container) const;
  std::vector<ListedDevice> Healthy() const;
  // Gives the containers of a pod that has come their devices. Fails in the kubelet's words.
  Result<> Allocate(const core_v1::Pod& pod);
  // What a container needs for what it has been given.
  Result<> Give(const core_v1::Pod& pod, const core_v1::Container& container,
                cri::ContainerConfig& config);

 private:
  using Reusable = std::map<std::string, DeviceIds>;  // By resource.
  struct Endpoint {
    std::string socket;
    std::shared_ptr<PluginClient> client;
    std::shared_ptr<std::atomic<bool>> ended;
  };
  struct Silent {
    std::string socket;
    Duration next_try{};  // Monotonic.
  };
  Result<> RegisterByService(const RegisterRequest& request);
  Result<> Connect(const std::string& resource, const std::string& socket);
  Result<> CheckRoom(const std::string& resource) const REQUIRES(mutex_);
  bool Load();
  void Listen();
  void DropEnded();
  // From the stream that has not ended when that is false.
  void Take(const std::string& resource, const std::atomic<bool>& ended, DeviceMap devices);
  // Connects again to plugins that did not answer. How long until the next is due.
  Duration AskSilentAgain();
  // Nobody waits for it any more, until it is connected again.
  void GiveUpIfSilent(const std::string& resource, const PluginClient* client, const Error& error);
  // A label of metrics; of names that come and go there is no end.
  bool IsCounted(const std::string& resource);
  void FreeUnused(const std::string& also_keep);
  Result<> AllocateFor(const core_v1::Pod& pod, const core_v1::Container& container,
                       const Reusable& reusable);
  Result<> AllocateResource(const core_v1::Pod& pod, const core_v1::Container& container,
                            const std::string& resource, size_t count, const DeviceIds& reusable);
  // Devices that are reserved from then on; none: it has what it asks for.
  Result<DeviceIds> Pick(const core_v1::Pod& pod, const core_v1::Container& container,
                         const std::string& resource, size_t count, const DeviceIds& reusable);
  std::shared_ptr<PluginClient> ClientOf(const std::string& resource) const;
  std::shared_ptr<PluginClient> FindClient(const std::string& resource) const REQUIRES(mutex_);
  Result<> PreStart(const core_v1::Pod& pod, const core_v1::Container& container,
                    const std::string& resource) const;
  Result<> Save() const;

  const std::string directory_;
  const Clock& clock_;
  const Sources sources_;
  DeviceMetrics* const metrics_;
  const Log log_{"devices"};
  bool was_loaded_ = false;                     // Set when it is made.
  std::unique_ptr<RegistrationServer> server_;  // The loop's own.
  mutable Mutex saving_;  // Taken before the other; held while the file is written.
  mutable Mutex mutex_;
  DeviceBook book_ GUARDED_BY(mutex_);
  std::map<std::string, Endpoint> endpoints_ GUARDED_BY(mutex_);  // By resource.
  std::map<std::string, Silent> silent_ GUARDED_BY(mutex_);       // By resource.
  std::set<std::string> gone_ GUARDED_BY(mutex_);                 // Resources that there were.
  // Resources whose plugins want to be told of every start of a container, though they be away.
  std::set<std::string> pre_started_ GUARDED_BY(mutex_);
  std::set<std::string> counted_ GUARDED_BY(mutex_);  // At most kResourcesMax.
  // Resources whose plugins are being asked what they prefer: nobody chooses of them meanwhile.
  std::set<std::string> asked_ GUARDED_BY(mutex_);
  CondVar answered_;                                    // With mutex_.
  bool has_changed_ GUARDED_BY(mutex_) = false;         // And nobody was told yet.
  std::optional<Duration> told_at_ GUARDED_BY(mutex_);  // Monotonic.
};

}  // namespace skiff::kubelet::devices
