// Deletes certificate requests that are over: answered an hour ago, expired, or never answered.
#include "base/seconds.h"
#include "client/reconciler.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

class Cleaner final : public Reconciler<CertificateSigningRequest> {
 public:
  explicit Cleaner(Manager& manager) : client_(manager.client()), clock_(manager.clock()) {}

  Result<Requeue> Reconcile(const CertificateSigningRequest& request) override {
    const TimePoint end = certificates::EndOf(request);
    if (end == TimePoint::max()) return Requeue::None();
    const TimePoint now = clock_.Now();
    if (end > now) return Requeue::After(Between(now, end));
    const auto deleted = client_.Delete(request);
    if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    return Requeue::None();
  }

 private:
  Client& client_;
  const Clock& clock_;
};

}  // namespace

void AddCertificateCleaner(Manager& manager) {
  ControllerBuilder<CertificateSigningRequest>(manager, "certificatesigningrequest-cleaner")
      .Workers(1)
      .Complete(std::make_unique<Cleaner>(manager));
}

}  // namespace skiff
