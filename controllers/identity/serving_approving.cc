// Approves the serving certificates of kubelets: for the node that asks, and for names and
// addresses that its Node object has, no other node's, and nothing else of the cluster's.
// Kubernetes leaves this to others, and without them the API server cannot know the kubelets that
// it talks to; `skiff up` turns it on.
#include "api/gen/networking_v1.h"
#include "base/log.h"
#include "client/reconciler.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;
using core_v1::Node;
using networking_v1::ServiceCIDR;

constexpr std::string_view kNodeUserPrefix = "system:node:";

class ServingApprover final : public Reconciler<CertificateSigningRequest> {
 public:
  explicit ServingApprover(Manager& manager)
      : client_(manager.client()),
        nodes_(manager.informer<Node>()),
        service_cidrs_(manager.informer<ServiceCIDR>()) {}

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
    const std::string node = names->common_name.substr(kNodeUserPrefix.size());
    const std::string problem =
        certificates::ServingProblem(node, *names, nodes_.List(), ServiceCidrs());
    if (!problem.empty()) {
      log_.Info("serving certificate not approved", {{"node", node}, {"problem", problem}});
      return Requeue::None();  // A node that has not reported its addresses yet wakes us then.
    }
    CertificateSigningRequest approved = request;
    certificates::AddCondition(approved, "Approved", "AutoApproved",
                               "Auto approving kubelet serving certificate for the node's own "
                               "names and addresses.");
    TRY(client_.Update(CertificateSigningRequest::Info(), ToJson(approved), "approval"));
    return Requeue::None();
  }

 private:
  std::vector<std::string> ServiceCidrs() const {
    std::vector<std::string> all;
    for (const auto& each : service_cidrs_.List()) {
      all.insert(all.end(), each->spec.cidrs.begin(), each->spec.cidrs.end());
    }
    return all;
  }

  Client& client_;
  const Informer<Node> nodes_;
  const Informer<ServiceCIDR> service_cidrs_;
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
      // Before their ranges are known, an address of a Service could pass for a node's.
      .Watches<ServiceCIDR>([](const auto&) { return std::vector<ObjectKey>(); })
      .Workers(1)
      .Complete(std::make_unique<ServingApprover>(manager));
}

}  // namespace skiff
