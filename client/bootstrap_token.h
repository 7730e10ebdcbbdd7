// Bootstrap tokens as kubeadm knows them: "abcdef.0123456789abcdef". The first part, the id, is
// public; the second is the secret by which a machine that joins and the cluster know each other.
//
// A token is a Secret kube-system/bootstrap-token-ID. With it a machine logs in, and with it the
// cluster signs what it tells to everyone, ConfigMap kube-public/cluster-info:
//
//   data: {kubeconfig: TEXT, jws-kubeconfig-ID: "<header>..<signature>"}
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/id.h"

namespace skiff {

inline constexpr std::string_view kBootstrapTokenNamespace = "kube-system";
inline constexpr std::string_view kBootstrapTokenType = "bootstrap.kubernetes.io/token";
inline constexpr std::string_view kBootstrapGroupPrefix = "system:bootstrappers:";
// Whom kubeadm's role bindings for nodes that join name.
inline constexpr std::string_view kDefaultNodeTokenGroup =
    "system:bootstrappers:kubeadm:default-node-token";
inline constexpr std::string_view kClusterInfoNamespace = "kube-public";
inline constexpr std::string_view kClusterInfoName = "cluster-info";
inline constexpr std::string_view kClusterInfoKubeconfig = "kubeconfig";
inline constexpr std::string_view kClusterInfoSignaturePrefix = "jws-kubeconfig-";

struct BootstrapToken {
  std::string id;      // [a-z0-9]{6}
  std::string secret;  // [a-z0-9]{16}

  static std::optional<BootstrapToken> Parse(std::string_view text);
  static BootstrapToken Generate(Random& random);
  std::string Text() const { return id + "." + secret; }
  std::string SecretName() const { return "bootstrap-token-" + id; }
};

// What the Secret of a token says.
struct BootstrapSecret {
  BootstrapToken token;
  std::optional<TimePoint> expiration;  // Unset: never.
  bool may_authenticate = false;
  bool may_sign = false;
  std::vector<std::string> groups;  // Beside system:bootstrappers.
  std::string description;
  bool IsExpired(TimePoint now) const { return expiration && *expiration <= now; }
};

// Invalid says what is wrong with the Secret; then it is as if the token were not there. Its secret
// may be any text, as to Kubernetes' bootstrap signer: one that Parse refuses can sign, and nobody
// can present it.
Result<BootstrapSecret> ReadBootstrapSecret(const core_v1::Secret& secret);
core_v1::Secret MakeBootstrapSecret(const BootstrapSecret& token);

// system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]
bool IsBootstrapGroup(std::string_view group);

// A detached JSON Web Signature (HS256) of `content`.
std::string SignClusterInfo(const BootstrapToken& token, std::string_view content);

}  // namespace skiff
