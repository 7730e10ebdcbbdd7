// certificatesigningrequests/approval: the conditions Approved, Denied and their like.
#include "api/gen/certificates_v1.h"
#include "api/rules/identity/certificate_signing_request_validation.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {

const UpdateMode& ApprovalMode() {
  using certificates_v1::CertificateSigningRequest;
  static const UpdateMode kMode = [] {
    UpdateMode mode{.subresource = "approval"};
    mode.prepare = [](Object& object, const Object& old) {
      PrepareSigningRequestApproval(*object.As<CertificateSigningRequest>(),
                                    *old.As<CertificateSigningRequest>());
    };
    mode.validate = [](const Object& object, const Object& old, Violations& out) {
      ValidateSigningRequestApproval(*object.As<CertificateSigningRequest>(),
                                     *old.As<CertificateSigningRequest>(), out);
    };
    return mode;
  }();
  return kMode;
}

}  // namespace skiff
