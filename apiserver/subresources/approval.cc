// certificatesigningrequests/approval: the conditions Approved, Denied and their like.
#include "api/gen/certificates_v1.h"
#include "api/rules/certificate_signing_request_validation.h"
#include "apiserver/crud.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {

Result<http::Response> HandleApproval(Core& core, ApiRequest& request) {
  using certificates_v1::CertificateSigningRequest;
  UpdateMode mode{.subresource = "approval"};
  mode.prepare = [](Object& object, const Object& old) {
    PrepareSigningRequestApproval(*object.As<CertificateSigningRequest>(),
                                  *old.As<CertificateSigningRequest>());
  };
  mode.validate = [](const Object& object, const Object& old, Violations& out) {
    ValidateSigningRequestApproval(*object.As<CertificateSigningRequest>(),
                                   *old.As<CertificateSigningRequest>(), out);
  };
  return HandleWholeObject(core, request, mode);
}

}  // namespace skiff
