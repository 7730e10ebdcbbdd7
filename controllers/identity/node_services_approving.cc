// Approves the client certificates of what serves the cluster's network from a node
// (api/pods/node_services.h): a node gets one for itself, and nobody else gets one.
#include "api/pods/node_services.h"
#include "client/reconciler.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

class NodeServicesApprover final : public Reconciler<CertificateSigningRequest> {
 public:
  explicit NodeServicesApprover(Manager& manager) : client_(manager.client()) {}

  Result<Requeue> Reconcile(const CertificateSigningRequest& request) override {
    // What is refused here a person may still approve.
    if (!request.status.certificate.empty() ||
        certificates::FindCondition(request, "Approved") != nullptr ||
        certificates::FindCondition(request, "Denied") != nullptr ||
        !certificates::IsForOwnNodeServices(request.spec)) {
      return Requeue::None();
    }
    CertificateSigningRequest approved = request;
    certificates::AddCondition(approved, "Approved", "AutoApproved",
                               "Auto approving the client certificate of the requesting node's "
                               "network services.");
    TRY(client_.Update(CertificateSigningRequest::Info(), ToJson(approved), "approval"));
    return Requeue::None();
  }

 private:
  Client& client_;
};

}  // namespace

void AddNodeServicesApproving(Manager& manager) {
  ControllerBuilder<CertificateSigningRequest>(manager, "node-services-approving")
      .Workers(1)
      .Complete(std::make_unique<NodeServicesApprover>(manager));
}

}  // namespace skiff
