// Signs certificate requests that somebody approved, for the signers that have an authority.
#include <fmt/format.h>

#include "base/log.h"
#include "base/mutex.h"
#include "base/whole_file.h"
#include "client/reconciler.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

const Log kSigningLog("certificate-signing");

Result<CertificateAuthority> AuthorityIn(const SigningFiles& files) {
  KeyPair pem;
  pem.certificate_pem = TRY(ReadWholeFile(files.certificate));
  pem.key_pem = TRY(ReadWholeFile(files.key));
  return CertificateAuthority::FromPem(pem);
}

class Signer final : public Reconciler<CertificateSigningRequest> {
 public:
  Signer(Manager& manager, const ControllerOptions& options)
      : client_(manager.client()),
        clock_(manager.clock()),
        files_(options.signing_files),
        authorities_(options.signing_authorities),
        duration_(options.signing_duration) {}

  Result<Requeue> Reconcile(const CertificateSigningRequest& request) override {
    if (certificates::FindCondition(request, "Approved") == nullptr ||
        certificates::FindCondition(request, "Denied") != nullptr ||
        certificates::FindCondition(request, "Failed") != nullptr ||
        !request.status.certificate.empty()) {
      return Requeue::None();
    }
    const auto authority = AuthorityOf(request.spec.signer_name);
    if (!authority) return Requeue::None();
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
      answered.status.certificate = TRY(Sign(*authority, request));
    }
    TRY(client_.UpdateStatus(answered));
    return Requeue::None();
  }

 private:
  // Read anew where it comes from files: few requests are signed. One that cannot be read, as while
  // somebody has replaced one file of the two, leaves the last that could.
  std::optional<CertificateAuthority> AuthorityOf(const std::string& signer) {
    const auto files = files_.find(signer);
    auto read = files == files_.end() ? std::nullopt : std::optional(AuthorityIn(files->second));
    if (read && !*read) {
      kSigningLog.Error("signing files unusable, the authority of before goes on",
                        {{"signer", signer}, {"error", read->error().message}});
    }
    const MutexLock lock(mutex_);
    if (read && *read) authorities_.insert_or_assign(signer, **read);
    const auto found = authorities_.find(signer);
    return found == authorities_.end() ? std::nullopt : std::optional(found->second);
  }

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
  const std::map<std::string, SigningFiles> files_;  // By signer, as the authorities.
  Mutex mutex_;
  std::map<std::string, CertificateAuthority> authorities_ GUARDED_BY(mutex_);
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
