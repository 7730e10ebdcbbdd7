#include "kubelet/node_lease.h"

namespace skiff::kubelet {
namespace {

constexpr char kNamespace[] = "kube-node-lease";

}  // namespace

Duration NodeLease::Step() {
  if (const auto renewed = Renew(); !renewed) {
    lease_ = nullptr;
    // Right after the start the node is not registered yet.
    if (renewed.error().reason != Reason::kNotFound) {
      log_.Info("node lease not renewed", {{"error", renewed.error().message}});
    }
    return kRetry;
  }
  return std::chrono::seconds(seconds_) / 4;
}

Result<> NodeLease::Renew() {
  if (!lease_) {
    auto found = client_.Get<coordination_v1::Lease>({kNamespace, node_name_});
    if (!found && found.error().reason != Reason::kNotFound) return tl::unexpected(found.error());
    if (!found) {
      lease_ = TRY(Make());
      return {};
    }
    lease_ = std::move(*found);
  }
  coordination_v1::Lease renewed = *lease_;
  renewed.spec.holder_identity = node_name_;
  renewed.spec.lease_duration_seconds = seconds_;
  renewed.spec.renew_time = clock_.Now();
  lease_ = TRY(client_.Update(renewed));
  return {};
}

// The lease goes with the node: its owner. A node that is not registered yet has none.
Result<Ptr<coordination_v1::Lease>> NodeLease::Make() {
  coordination_v1::Lease lease;
  lease.metadata.namespace_ = kNamespace;
  lease.metadata.name = node_name_;
  lease.spec.holder_identity = node_name_;
  lease.spec.lease_duration_seconds = seconds_;
  lease.spec.renew_time = clock_.Now();
  const auto node = TRY(client_.Get<core_v1::Node>({"", node_name_}));
  auto& owner = lease.metadata.owner_references.emplace_back();
  owner.api_version = "v1";
  owner.kind = "Node";
  owner.name = node_name_;
  owner.uid = node->metadata.uid;
  return client_.Create(lease);
}

}  // namespace skiff::kubelet
