#include "skiff/network_policies.h"

namespace skiff {

NetworkPolicies::NetworkPolicies(const std::string& node_name, const Dependencies& dependencies) {
  if (!dependencies.pods) {
    own_pods_ = std::make_unique<ScopedInformer<core_v1::Pod>>(dependencies.api, ListOptions());
  }
  const auto nodes = dependencies.informers.For<core_v1::Node>();
  loop_ = std::make_unique<netpol::PolicyLoop>(
      netpol::PolicyLoop::Dependencies{
          dependencies.informers.For<networking_v1::NetworkPolicy>(),
          dependencies.informers.For<core_v1::Namespace>(), nodes,
          dependencies.pods ? *dependencies.pods : own_pods_->informer(),
          [this] {
            if (own_pods_) own_pods_->Start(*executor_);
          },
          [nodes, node_name, events = dependencies.events](const std::string& why) {
            const auto own = nodes.Get({"", node_name});
            if (!own || events == nullptr) return;
            events->Warning(*own, "NetworkPoliciesNotEnforced",
                            "policies do not hold for the pods of this node: " + why);
          },
          dependencies.api.clock, *nft_},
      node_name);
}

void NetworkPolicies::Start(Executor& executor) {
  executor_ = &executor;
  executor.Add(*loop_);
}

void NetworkPolicies::Stop() {
  if (executor_ == nullptr) return;
  executor_->Remove(*loop_);
  if (own_pods_) own_pods_->Stop();
  executor_ = nullptr;
}

}  // namespace skiff
