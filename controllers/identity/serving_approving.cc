// Approves the serving certificates of kubelets: for the node that asks, and for names and
// addresses that its Node object has and no other node's. Kubernetes leaves this to others, and
// without them the API server cannot know the kubelets that it talks to; `skiff up` turns it on.
#include <algorithm>

#include "base/log.h"
#include "client/reconciler.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;
using core_v1::Node;

constexpr std::string_view kNodeUserPrefix = "system:node:";

bool HasAddress(const Node& node, const std::string& address) {
  const auto& addresses = node.status.addresses;
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const auto& each) { return each.address == address; });
}

class ServingApprover final : public Reconciler<CertificateSigningRequest> {
 public:
  explicit ServingApprover(Manager& manager)
      : client_(manager.client()), nodes_(manager.informer<Node>()) {}

  Result<Requeue> Reconcile(const CertificateSigningRequest& request) override {
    if (request.spec.signer_name != certificates::kKubeletServingSigner ||
        certificates::FindCondition(request, "Approved") != nullptr ||
        certificates::FindCondition(request, "Denied") != nullptr) {
      return Requeue::None();
    }
    const auto names = NamesOfRequest(request.spec.request);
    if (!names || names->common_name != request.spec.username ||
        !certificates::CheckRequest(request.spec.signer_name, *names, request.spec.usages)) {
      return Requeue::None();  // A person may still decide.
    }
    // A node that has not reported its addresses yet wakes us when it does.
    if (!Owns(names->common_name.substr(kNodeUserPrefix.size()), *names)) return Requeue::None();
    CertificateSigningRequest approved = request;
    certificates::AddCondition(approved, "Approved", "AutoApproved",
                               "Auto approving kubelet serving certificate for the node's own "
                               "names and addresses.");
    TRY(client_.Update(CertificateSigningRequest::Info(), ToJson(approved), "approval"));
    return Requeue::None();
  }

 private:
  bool Owns(const std::string& name, const CertificateNames& names) const {
    const auto node = nodes_.Get({"", name});
    if (!node) return false;
    for (const std::string& dns : names.dns_names) {
      if (dns != name && !HasAddress(*node, dns)) return false;
    }
    for (const std::string& address : names.ip_addresses) {
      if (!HasAddress(*node, address)) return false;
      for (const auto& other : nodes_.List()) {
        if (other->metadata.name == name || !HasAddress(*other, address)) continue;
        log_.Info("serving certificate not approved: two nodes have the address",
                  {{"node", name}, {"other", other->metadata.name}, {"address", address}});
        return false;
      }
    }
    return true;
  }

  Client& client_;
  const Informer<Node> nodes_;
  const Log log_{"kubelet-serving-approving"};
};

}  // namespace

void AddServingApproving(Manager& manager) {
  const auto requests = manager.informer<CertificateSigningRequest>();
  ControllerBuilder<CertificateSigningRequest>(manager, "kubelet-serving-approving")
      .Watches<Node>([requests](const Node& node) {
        std::vector<ObjectKey> keys;
        for (const auto& request : requests.List()) {
          if (request->spec.username == std::string(kNodeUserPrefix) + node.metadata.name) {
            keys.push_back({"", request->metadata.name});
          }
        }
        return keys;
      })
      .Workers(1)
      .Complete(std::make_unique<ServingApprover>(manager));
}

}  // namespace skiff
