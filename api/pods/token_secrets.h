// Secrets of type kubernetes.io/service-account-token: what stands in them, and in the tokens that
// a controller writes there and the API server reads.
#pragma once

#include <string_view>

namespace skiff {

inline constexpr std::string_view kTokenSecretType = "kubernetes.io/service-account-token";

// Annotations: whose token it is.
inline constexpr char kTokenSecretAccount[] = "kubernetes.io/service-account.name";
inline constexpr char kTokenSecretAccountUid[] = "kubernetes.io/service-account.uid";

// Who such a token says has issued it, and its claims beside "sub".
inline constexpr std::string_view kLegacyIssuer = "kubernetes/serviceaccount";
inline constexpr char kLegacyNamespaceClaim[] = "kubernetes.io/serviceaccount/namespace";
inline constexpr char kLegacySecretClaim[] = "kubernetes.io/serviceaccount/secret.name";
inline constexpr char kLegacyAccountClaim[] = "kubernetes.io/serviceaccount/service-account.name";
inline constexpr char kLegacyAccountUidClaim[] = "kubernetes.io/serviceaccount/service-account.uid";

}  // namespace skiff
