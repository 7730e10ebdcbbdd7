// What the signers of Kubernetes accept, and what they answer to what they do not. Pure.
//
//   kubernetes.io/kube-apiserver-client-kubelet   a kubelet as a client
//   kubernetes.io/kubelet-serving                 a kubelet as a server
//   kubernetes.io/kube-apiserver-client           any other client
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/certificates_v1.h"
#include "api/gen/core_v1.h"
#include "base/certificates.h"

namespace skiff::certificates {

inline constexpr std::string_view kKubeletClientSigner =
    "kubernetes.io/kube-apiserver-client-kubelet";
inline constexpr std::string_view kKubeletServingSigner = "kubernetes.io/kubelet-serving";
inline constexpr std::string_view kApiServerClientSigner = "kubernetes.io/kube-apiserver-client";
inline constexpr std::string_view kLegacyUnknownSigner = "kubernetes.io/legacy-unknown";
inline constexpr Duration kSigningDuration = 24h * 365;

using Usages = std::vector<std::string>;

// Whether a signer of that name may sign this; Invalid says why not.
Result<> CheckRequest(std::string_view signer, const CertificateNames& names, const Usages& usages);

// Whether a node asks here for the client certificate of its own network services
// (api/pods/node_services.h), and for nothing beside.
bool IsForOwnNodeServices(const certificates_v1::CertificateSigningRequestSpec& spec);

// Why the kubelet of `node` gets no serving certificate for these names unless a person approves
// it: they are not its own, or not its own alone, or not a node's. "" when it may have it.
// `api_server`: names and addresses of the API server beside those of its Service; the authority is
// that of its certificate, too. `service_cidrs`: where the addresses of Services are.
std::string ServingProblem(const std::string& node, const CertificateNames& names,
                           const std::vector<std::shared_ptr<const core_v1::Node>>& nodes,
                           const std::vector<std::string>& api_server,
                           const std::vector<std::string>& service_cidrs);

// `duration_max`: of --cluster-signing-duration.
SigningTerms TermsFor(const certificates_v1::CertificateSigningRequestSpec& spec, TimePoint now,
                      Duration duration_max);

// nullptr when it has none of that type.
const certificates_v1::CertificateSigningRequestCondition* FindCondition(
    const certificates_v1::CertificateSigningRequest& request, std::string_view type);
void AddCondition(certificates_v1::CertificateSigningRequest& request, std::string type,
                  std::string reason, std::string message);

// When a request has served its purpose and can be deleted; TimePoint::max(): not as it is.
TimePoint EndOf(const certificates_v1::CertificateSigningRequest& request);

}  // namespace skiff::certificates
