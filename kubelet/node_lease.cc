#include "kubelet/node_lease.h"

#include <algorithm>

namespace skiff::kubelet {
namespace {

constexpr char kNamespace[] = "kube-node-lease";
// Nodes of one process renew on common beats, so that one commit of the store holds many leases.
constexpr Duration kBeat = 200ms;

// The first beat at `time` or after it.
Duration OnBeat(Duration time) { return (time + kBeat - 1ns) / kBeat * kBeat; }

}  // namespace

void NodeLease::NodeRegistered() {
  registered_ = true;
  Wake();
}

Duration NodeLease::Step() {
  answers_.Deliver();
  // While something is on its way it is remembered: what is on its way may fail for want of a Node.
  if (due_ != kNever && registered_.exchange(false) && !lease_) {
    due_ = Duration::zero();
    missing_ = true;  // Until a lease of an earlier Node turns up.
  }
  if (due_ <= clock_.Monotonic()) {
    due_ = kNever;
    if (const auto sent = Send(); !sent) Sent(Fail(sent.error()));
    answers_.Deliver();
  }
  return due_ == kNever ? kNever : std::max(Duration::zero(), due_ - clock_.Monotonic());
}

void NodeLease::Sent(const Result<Ptr<coordination_v1::Lease>>& lease) {
  lease_ = lease.value_or(nullptr);
  const bool turned_up = missing_ && !lease && lease.error().reason == Reason::kAlreadyExists;
  missing_ = missing_ && !lease && !turned_up;
  if (turned_up) {
    due_ = clock_.Monotonic();
    return;
  }
  const Duration now = clock_.Monotonic();
  due_ = lease ? OnBeat(now + std::chrono::seconds(seconds_) / 4) : now + kRetry;
  // Right after the start the node is not registered yet.
  if (!lease && lease.error().reason != Reason::kNotFound) {
    log_.Info("node lease not renewed", {{"error", lease.error().message}});
  }
}

Result<> NodeLease::Send() {
  const auto sent = [this](const Result<Ptr<coordination_v1::Lease>>& lease) { Sent(lease); };
  Ptr<core_v1::Node> node;
  if (!lease_) {
    node = TRY(find_());
    if (!node) return Fail(Reason::kNotFound, "the Node is not known yet");
  }
  if (!lease_ && !missing_) {
    auto found = client_.Get<coordination_v1::Lease>({kNamespace, node_name_});
    if (!found && found.error().reason != Reason::kNotFound) return tl::unexpected(found.error());
    missing_ = !found;
    lease_ = found.value_or(nullptr);
  }
  if (!lease_) {
    client_.CreateLater<coordination_v1::Lease>(
        answers_, std::make_shared<const coordination_v1::Lease>(New(*node)), sent);
    return {};
  }
  const auto renewed = std::make_shared<coordination_v1::Lease>(*lease_);
  renewed->spec.holder_identity = node_name_;
  renewed->spec.lease_duration_seconds = seconds_;
  renewed->spec.renew_time = clock_.Now();
  client_.UpdateLater<coordination_v1::Lease>(answers_, renewed, sent);
  return {};
}

coordination_v1::Lease NodeLease::New(const core_v1::Node& owner_node) const {
  coordination_v1::Lease lease;
  lease.metadata.namespace_ = kNamespace;
  lease.metadata.name = node_name_;
  lease.spec.holder_identity = node_name_;
  lease.spec.lease_duration_seconds = seconds_;
  lease.spec.renew_time = clock_.Now();
  auto& owner = lease.metadata.owner_references.emplace_back();
  owner.api_version = "v1";
  owner.kind = "Node";
  owner.name = node_name_;
  owner.uid = owner_node.metadata.uid;
  return lease;
}

}  // namespace skiff::kubelet
