// CSI drivers that register: they are asked who this node is to them, and the API is told.
#pragma once

#include <set>
#include <string>

#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"
#include "kubelet/csi/drivers.h"
#include "kubelet/csi_grpc.h"
#include "kubelet/node_status.h"
#include "kubelet/plugins/registration.h"

namespace skiff::kubelet::csi {

inline constexpr char kPluginType[] = "CSIPlugin";

class DriverRegistration final : public plugins::PluginHandler {
 public:
  DriverRegistration(std::string node_name, Client& client, FindNode find, Drivers& drivers)
      : node_name_(std::move(node_name)),
        client_(client),
        find_(std::move(find)),
        drivers_(drivers) {}
  std::string RefusalOf(const plugins::PluginInfo& info) const override;
  Result<> Register(const plugins::PluginInfo& info) override;
  void Unregister(const plugins::PluginInfo& info) override;
  bool IsSettled() const override;
  void Settle() override;

 private:
  Result<> Put(const std::string& name, const std::string& endpoint, const NodeInfo& info)
      REQUIRES(writing_);
  // From the API.
  Result<> Remove(const std::string& name) REQUIRES(writing_);
  template <typename Change>
  Result<> WriteCsiNode(Change change);

  const std::string node_name_;
  Client& client_;
  const FindNode find_;
  Drivers& drivers_;
  const Log log_{"csi"};
  // Held while the API is written: each change of the node's annotation holds all drivers.
  Mutex writing_;
  mutable Mutex mutex_;  // Taken after writing_, and held by nobody who waits.
  std::set<std::string> leaving_ GUARDED_BY(mutex_);  // Drivers that the API has to be told of.
};

}  // namespace skiff::kubelet::csi
