// Who may approve and who may sign a certificate request: the verbs approve and sign on its signer.
#include <algorithm>

#include "api/gen/certificates_v1.h"
#include "api/rules/identity/x509.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

bool MayUseSigner(Authorizer& authorizer, const User& user, const std::string& verb,
                  const std::string& signer) {
  const auto allowed = [&](const std::string& name) {
    return authorizer
        .Authorize(user, {.verb = verb,
                          .group = "certificates.k8s.io",
                          .version = "*",
                          .resource = "signers",
                          .name = name})
        .allowed();
  };
  return allowed(signer) || allowed(signer.substr(0, signer.find('/')) + "/*");
}

class CertificateApproval final : public AdmissionPlugin, public Validates {
 public:
  explicit CertificateApproval(Authorizer& authorizer) : authorizer_(authorizer) {}
  std::string_view name() const override { return "CertificateApproval"; }
  Result<> Validate(const AdmissionRequest& request) override {
    if (request.operation != Operation::kUpdate ||
        !request.Is("certificates.k8s.io", "certificatesigningrequests", "approval")) {
      return {};
    }
    const auto& old = *request.old_object->As<CertificateSigningRequest>();
    if (MayUseSigner(authorizer_, request.user, "approve", old.spec.signer_name)) return {};
    return Deny(request, "user not permitted to approve requests with signerName " +
                             Quoted(old.spec.signer_name));
  }

 private:
  Authorizer& authorizer_;
};

class CertificateSigning final : public AdmissionPlugin, public Validates {
 public:
  explicit CertificateSigning(Authorizer& authorizer) : authorizer_(authorizer) {}
  std::string_view name() const override { return "CertificateSigning"; }
  Result<> Validate(const AdmissionRequest& request) override {
    if (request.operation != Operation::kUpdate ||
        !request.Is("certificates.k8s.io", "certificatesigningrequests", "status")) {
      return {};
    }
    const auto& old = *request.old_object->As<CertificateSigningRequest>();
    const auto& csr = *request.object->As<CertificateSigningRequest>();
    if (csr.status.certificate == old.status.certificate &&
        csr.status.conditions == old.status.conditions) {
      return {};
    }
    if (MayUseSigner(authorizer_, request.user, "sign", old.spec.signer_name)) return {};
    return Deny(request, "user not permitted to sign requests with signerName " +
                             Quoted(old.spec.signer_name));
  }

 private:
  Authorizer& authorizer_;
};

// Nobody gets a certificate of the one group that may do everything from the cluster's own signer.
class CertificateSubjectRestriction final : public AdmissionPlugin, public Validates {
 public:
  std::string_view name() const override { return "CertificateSubjectRestriction"; }
  Result<> Validate(const AdmissionRequest& request) override {
    constexpr const char* kSigner = "kubernetes.io/kube-apiserver-client";
    if (request.operation != Operation::kCreate ||
        !request.Is("certificates.k8s.io", "certificatesigningrequests")) {
      return {};
    }
    const auto& spec = request.object->As<CertificateSigningRequest>()->spec;
    if (spec.signer_name != kSigner) return {};
    const auto organizations = RequestedOrganizations(spec.request);
    if (!organizations) {
      return Deny(request, "failed to parse CSR: " + organizations.error().message);
    }
    if (std::find(organizations->begin(), organizations->end(), kGroupMasters) ==
        organizations->end()) {
      return {};
    }
    return Deny(request, std::string("use of ") + kSigner +
                             " signer with system:masters group is not allowed");
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeCertificateSubjectRestriction(const AdmissionParts&) {
  return std::make_unique<CertificateSubjectRestriction>();
}

std::unique_ptr<AdmissionPlugin> MakeCertificateApproval(const AdmissionParts& parts) {
  return std::make_unique<CertificateApproval>(parts.authorizer);
}

std::unique_ptr<AdmissionPlugin> MakeCertificateSigning(const AdmissionParts& parts) {
  return std::make_unique<CertificateSigning>(parts.authorizer);
}

}  // namespace skiff
