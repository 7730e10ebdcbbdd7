// Signs certificate requests that somebody approved, for the signers that have an authority.
#include <fmt/format.h>

#include "client/reconciler.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

class Signer final : public Reconciler<CertificateSigningRequest> {
 public:
  Signer(Manager& manager, const ControllerOptions& options)
      : client_(manager.client()),
        clock_(manager.clock()),
        authorities_(options.signing_authorities),
        duration_(options.signing_duration) {}

  Result<Requeue> Reconcile(const CertificateSigningRequest& request) override {
    if (certificates::FindCondition(request, "Approved") == nullptr ||
        certificates::FindCondition(request, "Denied") != nullptr ||
        certificates::FindCondition(request, "Failed") != nullptr ||
        !request.status.certificate.empty()) {
      return Requeue::None();
    }
    const auto authority = authorities_.find(request.spec.signer_name);
    if (authority == authorities_.end()) return Requeue::None();
    const auto names = NamesOfRequest(request.spec.request);
    if (!names) {
      return Fail(Reason::kInvalid, fmt::format("unable to parse csr \"{}\": {}",
                                                request.metadata.name, names.error().message));
    }
    CertificateSigningRequest answered = request;
    if (const auto good =
            certificates::CheckRequest(request.spec.signer_name, *names, request.spec.usages);
        !good) {
      certificates::AddCondition(answered, "Failed", "SignerValidationFailure",
                                 good.error().message);
    } else {
      answered.status.certificate = TRY(Sign(authority->second, request));
    }
    TRY(client_.UpdateStatus(answered));
    return Requeue::None();
  }

 private:
  // Nothing that is over before it begins: no authority outlives what it signs, and whoever is
  // given such a certificate does not ask again.
  Result<std::string> Sign(const CertificateAuthority& authority,
                           const CertificateSigningRequest& request) const {
    const TimePoint now = clock_.Now();
    auto certificate = TRY(authority.SignRequest(
        request.spec.request, certificates::TermsFor(request.spec, now, duration_)));
    const TimePoint end = TRY(ExpiryOf(certificate));
    if (end > now) return certificate;
    return Fail(Reason::kInternalError,
                fmt::format("refusing to sign csr \"{}\" with a certificate that expired in the "
                            "past: NotAfter={}",
                            request.metadata.name, Time(end).Rfc3339()));
  }

  Client& client_;
  const Clock& clock_;
  const std::map<std::string, CertificateAuthority> authorities_;  // By signer.
  const Duration duration_;
};

}  // namespace

void AddCertificateSigning(Manager& manager, const ControllerOptions& options) {
  ControllerBuilder<CertificateSigningRequest>(manager, "certificatesigningrequest-signing")
      .Workers(5)
      .Retry({.first_delay = 200ms})
      .Complete(std::make_unique<Signer>(manager, options));
}

}  // namespace skiff
