// Bootstrap tokens and certificate requests on the real server: what the controllers make of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/certificates_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/server_addresses.h"
#include "client/bootstrap_token.h"
#include "controllers/identity/certificate_rules.h"
#include "e2e/harness.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;
using core_v1::ConfigMap;
using core_v1::Node;
using core_v1::Secret;
using discovery_v1::EndpointSlice;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kBindings[] = R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: bootstrap}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole,
          name: "system:node-bootstrapper"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:bootstrappers"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: approve}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole,
          name: "system:certificates.k8s.io:certificatesigningrequests:nodeclient"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:bootstrappers"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: rotate}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole,
          name: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:nodes"}]
)";

// Sends everything as somebody else.
class Impersonating final : public Transport {
 public:
  Impersonating(Transport& below, std::string user, std::vector<std::string> groups)
      : below_(below), user_(std::move(user)), groups_(std::move(groups)) {}
  http::Response Send(http::Request request) override {
    request.headers.emplace("Impersonate-User", user_);
    for (const auto& group : groups_) request.headers.emplace("Impersonate-Group", group);
    return below_.Send(std::move(request));
  }

 private:
  Transport& below_;
  const std::string user_;
  const std::vector<std::string> groups_;
};

TestCluster::Options OptionsOf(const CertificateAuthority& authority) {
  TestCluster::Options options;
  options.authorization_modes = {"Node", "RBAC"};
  options.controllers.controllers = {"*", "bootstrapsigner", "tokencleaner",
                                     "kubelet-serving-approving"};
  for (const auto signer :
       {certificates::kKubeletClientSigner, certificates::kKubeletServingSigner}) {
    options.controllers.signing_authorities.emplace(signer, authority);
  }
  return options;
}

class CertificatesTest : public testing::Test {
 protected:
  CertificatesTest() { cluster_.Apply(kBindings).RunFor(1s); }

  // A request for `node` as a client or a server, made by that user; its name.
  std::string Ask(Transport& as, std::string_view signer, const std::string& node,
                  const CertificateOrder& names = {}) {
    CertificateOrder order = names;
    order.common_name = "system:node:" + node;
    order.organizations = {"system:nodes"};
    CertificateSigningRequest request;
    request.metadata.name = "csr-" + std::to_string(++asked_);
    request.spec.signer_name = signer;
    request.spec.request =
        *MakeCertificateRequest(NewSigningKey(KeyKind::kP256)->private_pem, order);
    request.spec.usages = {"digital signature", signer == certificates::kKubeletServingSigner
                                                    ? "server auth"
                                                    : "client auth"};
    const auto created = Client(as, "test").Create(request);
    EXPECT_TRUE(created) << created.error().message;
    cluster_.RunFor(1s);
    return request.metadata.name;
  }
  CertificateSigningRequest Answer(const std::string& name) {
    const auto found = cluster_.Get<CertificateSigningRequest>({"", name});
    return found ? *found : CertificateSigningRequest();
  }
  // What its status comes to.
  std::string Verdict(const std::string& name) {
    const auto answer = Answer(name);
    std::string text;
    for (const auto& condition : answer.status.conditions) text += condition.reason + " ";
    return text + (answer.status.certificate.empty() ? "unsigned" : "signed");
  }
  void AddNode(const std::string& name, const std::string& address) {
    Node node;
    node.metadata.name = name;
    cluster_.Apply(node);
    cluster_.Edit<Node>(
        {"", name},
        [&](Node& it) {
          auto& entry = it.status.addresses.emplace_back();
          entry.type = "InternalIP";
          entry.address = address;
        },
        /*status=*/true);
    cluster_.RunFor(1s);
  }
  BootstrapSecret TokenOf(const std::string& text) {
    BootstrapSecret token{.token = *BootstrapToken::Parse(text)};
    token.may_sign = true;
    token.expiration = cluster_.clock().Now() + 1h;
    return token;
  }
  std::map<std::string, std::string> ClusterInfo() {
    return cluster_.Get<ConfigMap>({"kube-public", "cluster-info"})->data;
  }
  void PublishClusterInfo(const std::string& text) {
    ConfigMap info;
    info.metadata.namespace_ = "kube-public";
    info.metadata.name = "cluster-info";
    info.data["kubeconfig"] = text;
    cluster_.Apply(info).RunFor(1s);
  }

  const CertificateAuthority authority_ =
      *CertificateAuthority::Create("kubernetes", FakeClock().Now());
  TestCluster cluster_{OptionsOf(authority_)};
  Impersonating joiner_{cluster_.transport(), "system:bootstrap:abc123", {"system:bootstrappers"}};
  Impersonating node_{cluster_.transport(), "system:node:n1", {"system:nodes"}};
  int asked_ = 0;
};

TEST_F(CertificatesTest, WhoMayBringNodesInGetsAKubeletsCertificate) {
  const std::string name = Ask(joiner_, certificates::kKubeletClientSigner, "n1");
  EXPECT_EQ(Verdict(name), "AutoApproved signed");
  const auto answer = Answer(name);
  EXPECT_EQ(answer.status.conditions[0].message,
            "Auto approving kubelet client certificate after SubjectAccessReview.");
  EXPECT_EQ(answer.spec.username, "system:bootstrap:abc123");
  const auto names = *NamesOfCertificate(answer.status.certificate);
  EXPECT_EQ(names.common_name, "system:node:n1");
  EXPECT_THAT(names.organizations, testing::ElementsAre("system:nodes"));
}

TEST_F(CertificatesTest, ANodeRenewsItsOwnCertificateAndNobodyElses) {
  const std::string own = Ask(node_, certificates::kKubeletClientSigner, "n1");
  EXPECT_EQ(Verdict(own), "AutoApproved signed");
  EXPECT_EQ(Answer(own).status.conditions[0].message,
            "Auto approving self kubelet client certificate after SubjectAccessReview.");
  EXPECT_EQ(Verdict(Ask(node_, certificates::kKubeletClientSigner, "n2")), "unsigned");
}

TEST_F(CertificatesTest, AServingCertificateIsForTheNodesOwnAddresses) {
  const CertificateOrder order{.dns_names = {"n1"}, .ip_addresses = {"192.0.2.1"}};
  const std::string name = Ask(node_, certificates::kKubeletServingSigner, "n1", order);
  EXPECT_EQ(Verdict(name), "unsigned") << "there is no such node yet";
  AddNode("n1", "192.0.2.1");
  EXPECT_EQ(Verdict(name), "AutoApproved signed");
  EXPECT_EQ(Verdict(Ask(node_, certificates::kKubeletServingSigner, "n1",
                        {.ip_addresses = {"192.0.2.2"}})),
            "unsigned");
  AddNode("n2", "192.0.2.1");
  EXPECT_EQ(Verdict(Ask(node_, certificates::kKubeletServingSigner, "n1", order)), "unsigned")
      << "another node has that address too";
}

TEST_F(CertificatesTest, NoNodeGetsACertificateForAnAddressOfAnyServer) {
  AddNode("n1", "fd00::9");
  const CertificateOrder order{.ip_addresses = {"fd00::9"}};
  EXPECT_EQ(Verdict(Ask(node_, certificates::kKubeletServingSigner, "n1", order)),
            "AutoApproved signed");
  EndpointSlice servers;
  servers.metadata.namespace_ = "default";
  servers.metadata.name = "kubernetes";
  servers.metadata.labels["kubernetes.io/service-name"] = "kubernetes";
  servers.metadata.annotations[kServerAddressesAnnotation] = "fd00::8,fd00::9";
  servers.address_type = "IPv4";
  cluster_.Apply(servers).RunFor(1s);
  EXPECT_EQ(Verdict(Ask(node_, certificates::kKubeletServingSigner, "n1", order)), "unsigned");
}

TEST_F(CertificatesTest, AnApprovedRequestThatItsSignerRefusesFails) {
  const std::string name =
      Ask(joiner_, certificates::kKubeletServingSigner, "n1", {.dns_names = {}});
  auto approved = Answer(name);
  certificates::AddCondition(approved, "Approved", "ByHand", "");
  ASSERT_TRUE(
      cluster_.client().Update(CertificateSigningRequest::Info(), ToJson(approved), "approval"));
  cluster_.RunFor(1s);
  EXPECT_EQ(Verdict(name), "ByHand SignerValidationFailure unsigned");
  EXPECT_EQ(Answer(name).status.conditions[1].message, "DNS or IP subjectAltName is required");
}

TEST_F(CertificatesTest, AnsweredRequestsGoAfterAnHourAndOthersAfterADay) {
  Ask(joiner_, certificates::kKubeletClientSigner, "n1");
  Ask(node_, certificates::kKubeletClientSigner, "n2");
  EXPECT_THAT(cluster_.List<CertificateSigningRequest>(), SizeIs(2));
  cluster_.RunFor(61min);
  EXPECT_THAT(cluster_.List<CertificateSigningRequest>(), SizeIs(1));
  cluster_.RunFor(24h);
  EXPECT_THAT(cluster_.List<CertificateSigningRequest>(), IsEmpty());
}

TEST_F(CertificatesTest, ClusterInfoIsSignedByEveryTokenThatIsForSigning) {
  PublishClusterInfo("text");
  const auto token = TokenOf("abc123.0123456789abcdef");
  cluster_.Apply(MakeBootstrapSecret(token));
  auto other = TokenOf("other1.0123456789abcdef");
  other.may_sign = false;
  cluster_.Apply(MakeBootstrapSecret(other)).RunFor(1s);
  auto info = ClusterInfo();
  EXPECT_EQ(info["jws-kubeconfig-abc123"], SignClusterInfo(token.token, "text"));
  EXPECT_FALSE(info.contains("jws-kubeconfig-other1"));
  cluster_.Edit<ConfigMap>({"kube-public", "cluster-info"},
                           [](ConfigMap& it) { it.data["kubeconfig"] = "new"; });
  cluster_.RunFor(1s);
  EXPECT_EQ(ClusterInfo()["jws-kubeconfig-abc123"], SignClusterInfo(token.token, "new"));
  cluster_.Delete<Secret>({"kube-system", "bootstrap-token-abc123"}).RunFor(1s);
  EXPECT_FALSE(ClusterInfo().contains("jws-kubeconfig-abc123"));
}

TEST_F(CertificatesTest, AnExpiredTokenGoesAndItsSignatureWithIt) {
  PublishClusterInfo("text");
  auto lasting = TokenOf("other1.0123456789abcdef");
  lasting.expiration.reset();
  cluster_.Apply(MakeBootstrapSecret(lasting));
  cluster_.Apply(MakeBootstrapSecret(TokenOf("abc123.0123456789abcdef"))).RunFor(59min);
  EXPECT_TRUE(ClusterInfo().contains("jws-kubeconfig-abc123"));
  cluster_.RunFor(2min);
  EXPECT_FALSE(ClusterInfo().contains("jws-kubeconfig-abc123"));
  EXPECT_TRUE(ClusterInfo().contains("jws-kubeconfig-other1"));
  EXPECT_EQ(cluster_.Get<Secret>({"kube-system", "bootstrap-token-abc123"}), nullptr);
}

}  // namespace
}  // namespace skiff
