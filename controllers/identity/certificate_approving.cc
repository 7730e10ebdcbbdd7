// Approves the client certificates of kubelets: of new ones when whoever asks may bring nodes in
// (certificatesigningrequests/nodeclient), of known ones for themselves (.../selfnodeclient).
#include <fmt/format.h>

#include "api/gen/authorization_v1.h"
#include "client/reconciler.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

struct Recognizer {
  const char* subresource;
  const char* message;
  bool self;  // Only for who asks for its own name.
};
constexpr Recognizer kRecognizers[] = {
    {"selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview.",
     true},
    {"nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.", false}};

class Approver final : public Reconciler<CertificateSigningRequest> {
 public:
  explicit Approver(Manager& manager) : client_(manager.client()) {}

  Result<Requeue> Reconcile(const CertificateSigningRequest& request) override {
    if (request.spec.signer_name != certificates::kKubeletClientSigner ||
        !request.status.certificate.empty() ||
        certificates::FindCondition(request, "Approved") != nullptr ||
        certificates::FindCondition(request, "Denied") != nullptr) {
      return Requeue::None();
    }
    const auto names = NamesOfRequest(request.spec.request);
    if (!names) {
      return Fail(Reason::kInvalid, fmt::format("unable to parse csr \"{}\": {}",
                                                request.metadata.name, names.error().message));
    }
    if (!certificates::CheckRequest(request.spec.signer_name, *names, request.spec.usages)) {
      return Requeue::None();  // Somebody else may still decide.
    }
    for (const Recognizer& recognizer : kRecognizers) {
      if (recognizer.self && request.spec.username != names->common_name) continue;
      if (!TRY(IsAllowed(request, recognizer.subresource))) continue;
      CertificateSigningRequest approved = request;
      certificates::AddCondition(approved, "Approved", "AutoApproved", recognizer.message);
      TRY(client_.Update(CertificateSigningRequest::Info(), ToJson(approved), "approval"));
      return Requeue::None();
    }
    // A role binding may still come.
    return Fail(Reason::kForbidden,
                fmt::format("recognized csr \"{}\" as a kubelet's but subject access review was "
                            "not approved",
                            request.metadata.name));
  }

 private:
  Result<bool> IsAllowed(const CertificateSigningRequest& request, const char* subresource) {
    authorization_v1::SubjectAccessReview review;
    review.spec.user = request.spec.username;
    review.spec.uid = request.spec.uid;
    review.spec.groups = request.spec.groups;
    for (const auto& [key, values] : request.spec.extra) {
      review.spec.extra[key] = {values.begin(), values.end()};
    }
    auto& attributes = review.spec.resource_attributes.Ensure();
    attributes.group = "certificates.k8s.io";
    attributes.version = "*";
    attributes.resource = "certificatesigningrequests";
    attributes.subresource = subresource;
    attributes.verb = "create";
    const auto answer = TRY(client_.Create(review));
    return answer->status.allowed;
  }

  Client& client_;
};

}  // namespace

void AddCertificateApproving(Manager& manager) {
  ControllerBuilder<CertificateSigningRequest>(manager, "certificatesigningrequest-approving")
      .Workers(5)
      .Retry({.first_delay = 200ms})
      .Complete(std::make_unique<Approver>(manager));
}

}  // namespace skiff
