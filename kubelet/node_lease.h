// Renews the node's lease: others take a node whose lease has run out for lost.
#pragma once

#include <atomic>
#include <string>

#include "api/gen/coordination_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"
#include "kubelet/node_status.h"

namespace skiff::kubelet {

class NodeLease final : public ControlLoop {
 public:
  static constexpr Duration kRetry = 1s;

  // Renewed each quarter of `seconds`.
  NodeLease(std::string node_name, int seconds, Client& client, const Clock& clock, FindNode find)
      : node_name_(std::move(node_name)),
        seconds_(seconds),
        client_(client),
        clock_(clock),
        find_(std::move(find)),
        answers_([this] { Wake(); }) {}
  Duration Step() override;
  // There is a Node, which a new lease belongs to. Any thread.
  void NodeRegistered();

 private:
  // Sends what makes or renews it; `due_` is kNever until that is answered. NotFound: there is no
  // Node that a new lease could belong to.
  Result<> Send();
  void Sent(const Result<Ptr<coordination_v1::Lease>>& lease);
  // The lease goes with the node: its owner.
  coordination_v1::Lease New(const core_v1::Node& owner_node) const;

  const std::string node_name_;
  const int seconds_;
  Client& client_;
  const Clock& clock_;
  const FindNode find_;
  const Log log_{"lease"};
  std::atomic<bool> registered_ = false;  // Since it was last tried.
  Ptr<coordination_v1::Lease> lease_;  // As last written; nullptr: to be read first,
  bool missing_ = false;               // unless there can hardly be one.
  Duration due_{};                     // Monotonic.
  Mailbox answers_;
};

}  // namespace skiff::kubelet
