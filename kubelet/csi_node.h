// The CSINode object of this node: made when the node starts, with or without drivers, and owned by
// the Node. Schedulers and provisioners look for it.
#pragma once

#include <string>

#include "api/gen/core_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"

namespace skiff::kubelet {

class CsiNode final : public ControlLoop {
 public:
  static constexpr Duration kRetry = 1s;
  static constexpr Duration kCheckPeriod = 300s;  // Somebody may have deleted it.

  CsiNode(std::string node_name, Client& client)
      : node_name_(std::move(node_name)), client_(client) {}
  Duration Step() override;

 private:
  Result<> Ensure();

  const std::string node_name_;
  Client& client_;
  const Log log_{"csi-node"};
};

}  // namespace skiff::kubelet
