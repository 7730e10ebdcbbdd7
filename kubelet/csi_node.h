// The CSINode object of this node: made when the node starts, with or without drivers, and owned by
// the Node. Schedulers and provisioners look for it.
#pragma once

#include <atomic>
#include <string>

#include "api/gen/core_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"
#include "kubelet/csi/drivers.h"
#include "kubelet/node_status.h"

namespace skiff::kubelet {

class CsiNode final : public ControlLoop {
 public:
  static constexpr Duration kRetry = 1s;
  static constexpr Duration kCheckPeriod = 300s;  // Somebody may have deleted it.

  // `drivers` are told of whenever the object is made or mended; nullptr: there are none.
  CsiNode(std::string node_name, Client& client, const Clock& clock, FindNode find,
          const csi::Drivers* drivers = nullptr)
      : node_name_(std::move(node_name)),
        client_(client),
        clock_(clock),
        find_(std::move(find)),
        drivers_(drivers),
        answers_([this] { Wake(); }) {}
  Duration Step() override;
  // There is a Node, which owns it. Any thread.
  void NodeRegistered();

 private:
  // Sends what makes or mends it, if it has to be; then `due_` is kNever until that is answered.
  Result<> Ensure();
  void Ensured(const Result<>& done);

  const std::string node_name_;
  Client& client_;
  const Clock& clock_;
  const FindNode find_;
  const csi::Drivers* const drivers_;
  const Log log_{"csi-node"};
  std::atomic<bool> registered_ = false;
  bool ensured_ = false;  // Once at least.
  bool missing_ = false;  // There can hardly be one: it is made without looking.
  Duration due_{};  // Monotonic.
  Mailbox answers_;
};

}  // namespace skiff::kubelet
