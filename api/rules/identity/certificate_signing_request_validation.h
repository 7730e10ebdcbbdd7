// Validation of CertificateSigningRequests, and what their approval endpoint takes.
#pragma once

namespace skiff {

class Violations;

namespace certificates_v1 {
struct CertificateSigningRequest;
}

void ValidateSigningRequest(const certificates_v1::CertificateSigningRequest& object,
                            Violations& out);
// The status endpoint, which issues and does not decide.
void ValidateSigningRequestStatus(const certificates_v1::CertificateSigningRequest& object,
                                  const certificates_v1::CertificateSigningRequest& old,
                                  Violations& out);

// The approval endpoint takes the conditions and nothing else.
void PrepareSigningRequestApproval(certificates_v1::CertificateSigningRequest& object,
                                   const certificates_v1::CertificateSigningRequest& old);
void ValidateSigningRequestApproval(const certificates_v1::CertificateSigningRequest& object,
                                    const certificates_v1::CertificateSigningRequest& old,
                                    Violations& out);

}  // namespace skiff
