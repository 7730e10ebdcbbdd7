#include "controllers/identity/certificate_rules.h"

#include <gtest/gtest.h>

namespace skiff::certificates {
namespace {

const TimePoint kSigningTime{1'700'000'000s};

CertificateNames Kubelet() {
  return {.common_name = "system:node:n1", .organizations = {"system:nodes"}};
}
std::string Answer(std::string_view signer, const CertificateNames& names, const Usages& usages) {
  const auto checked = CheckRequest(signer, names, usages);
  return checked ? "" : checked.error().message;
}
const Usages kClient = {"digital signature", "client auth"};
const Usages kServer = {"digital signature", "server auth"};

TEST(CertificateRulesTest, AKubeletsClientCertificateNamesItsNodeAndNothingElse) {
  const auto answer = [](auto change, Usages usages = kClient) {
    CertificateNames names = Kubelet();
    change(names);
    return Answer(kKubeletClientSigner, names, usages);
  };
  const auto same = [](CertificateNames&) {};
  EXPECT_EQ(answer(same), "");
  EXPECT_EQ(answer(same, {"client auth", "key encipherment", "digital signature"}), "");
  EXPECT_EQ(answer(same, kServer),
            "usages did not match [client auth digital signature key encipherment]");
  EXPECT_EQ(answer(same, {"client auth"}),
            "usages did not match [client auth digital signature key encipherment]");
  EXPECT_EQ(answer([](auto& it) { it.organizations.push_back("system:masters"); }),
            "subject organization is not system:nodes");
  EXPECT_EQ(answer([](auto& it) { it.common_name = "admin"; }),
            "subject common name does not begin with system:node:");
  EXPECT_EQ(answer([](auto& it) { it.dns_names = {"n1"}; }), "DNS subjectAltNames are not allowed");
  EXPECT_EQ(answer([](auto& it) { it.ip_addresses = {"10.0.0.1"}; }),
            "IP subjectAltNames are not allowed");
  EXPECT_EQ(answer([](auto& it) { it.emails = {"a@b"}; }), "Email subjectAltNames are not allowed");
  EXPECT_EQ(answer([](auto& it) { it.uris = {"x:y"}; }), "URI subjectAltNames are not allowed");
}

TEST(CertificateRulesTest, AKubeletsServingCertificateSaysWhereItServes) {
  CertificateNames names = Kubelet();
  EXPECT_EQ(Answer(kKubeletServingSigner, names, kServer), "DNS or IP subjectAltName is required");
  names.ip_addresses = {"10.0.0.1"};
  EXPECT_EQ(Answer(kKubeletServingSigner, names, kServer), "");
  EXPECT_EQ(Answer(kKubeletServingSigner, names, kClient),
            "usages did not match [digital signature key encipherment server auth]");
}

std::shared_ptr<const core_v1::Node> NodeWith(const std::string& name,
                                              const std::vector<std::string>& addresses) {
  auto node = std::make_shared<core_v1::Node>();
  node->metadata.name = name;
  for (const std::string& each : addresses) node->status.addresses.emplace_back().address = each;
  return node;
}

TEST(CertificateRulesTest, AKubeletServesByTheNamesThatItsNodeAloneHas) {
  const std::vector nodes = {NodeWith("n1", {"10.0.0.1", "n1.lab"}), NodeWith("n2", {"10.0.0.2"})};
  const auto problem = [&](std::vector<std::string> dns, std::vector<std::string> ips) {
    return ServingProblem("n1", {.dns_names = std::move(dns), .ip_addresses = std::move(ips)},
                          nodes, {"api.lab", "10.0.0.9"}, {"10.96.0.0/16"});
  };
  EXPECT_EQ(problem({"n1", "n1.lab"}, {"10.0.0.1"}), "");
  EXPECT_EQ(problem({"n3"}, {}), "the node does not have n3");
  EXPECT_EQ(problem({}, {"10.0.0.3"}), "the node does not have 10.0.0.3");
  EXPECT_EQ(problem({"n2"}, {}), "node n2 has n2 too");
  EXPECT_EQ(problem({}, {"10.0.0.2"}), "node n2 has 10.0.0.2 too");
}

// The authority is that of the API server's own certificate: whoever got one for its names could
// answer in its place. A node says itself what its name and its addresses are.
TEST(CertificateRulesTest, ANodeThatSaysSoIsNeitherTheApiServerNorAnotherNode) {
  for (const char* name :
       {"kubernetes", "kubernetes.default", "kubernetes.default.svc", "Kubernetes.Default.SVC.",
        "kubernetes.default.svc.cluster.local", "web.shop.svc", "localhost", "*.lab"}) {
    EXPECT_EQ(ServingProblem(name, {.dns_names = {name}}, {NodeWith(name, {name})}, {}, {}),
              std::string(name) + " is no node's name");
  }
  for (const char* address : {"10.96.0.1", "::ffff:10.96.0.1", "127.0.0.1", "::1", "0.0.0.0"}) {
    EXPECT_EQ(ServingProblem("n1", {.ip_addresses = {address}}, {NodeWith("n1", {address})}, {},
                             {"10.96.0.0/16"}),
              std::string(address) + " is no node's address");
  }
  EXPECT_EQ(
      ServingProblem("n1", {.ip_addresses = {"::ffff:10.0.0.2"}},
                     {NodeWith("n1", {"::ffff:10.0.0.2"}), NodeWith("n2", {"10.0.0.2"})}, {}, {}),
      "node n2 has ::ffff:10.0.0.2 too");
}

TEST(CertificateRulesTest, NoNodeServesByANameOfTheApiServerThatIsNoServices) {
  const std::vector<std::string> api_server = {"api.lab", "2001:db8::1", "10.0.0.9"};
  for (const char* name : {"api.lab", "API.lab", "api.lab."}) {
    EXPECT_EQ(ServingProblem(name, {.dns_names = {name}}, {NodeWith(name, {})}, api_server, {}),
              "api.lab is the API server's");
  }
  for (const char* address : {"10.0.0.9", "::ffff:10.0.0.9"}) {
    EXPECT_EQ(ServingProblem("n1", {.ip_addresses = {address}}, {NodeWith("n1", {address})},
                             api_server, {}),
              "10.0.0.9 is the API server's");
  }
  EXPECT_EQ(ServingProblem("n1", {.ip_addresses = {"2001:DB8:0::1"}},
                           {NodeWith("n1", {"2001:db8::1"})}, api_server, {}),
            "2001:db8::1 is the API server's");
}

TEST(CertificateRulesTest, AnyOtherClientMayNotServe) {
  EXPECT_EQ(Answer(kApiServerClientSigner, {.common_name = "me"}, kClient), "");
  EXPECT_EQ(Answer(kApiServerClientSigner, {.common_name = "me"}, {"client auth", "server auth"}),
            "invalid usage for client certificate: server auth");
  EXPECT_EQ(Answer(kApiServerClientSigner, {.common_name = "me"}, {"digital signature"}),
            "missing required usage for client certificate: client auth");
  EXPECT_EQ(Answer(kLegacyUnknownSigner, {.common_name = "me"}, kClient),
            "unknown signer kubernetes.io/legacy-unknown");
}

TEST(CertificateRulesTest, LivesAreAsLongAsAskedWithinBounds) {
  certificates_v1::CertificateSigningRequestSpec spec;
  spec.usages = kClient;
  auto terms = TermsFor(spec, kSigningTime, kSigningDuration);
  EXPECT_EQ(terms.not_before, kSigningTime - 5min);
  EXPECT_EQ(terms.not_after, kSigningTime + kSigningDuration - 5min);
  EXPECT_TRUE(terms.client);
  EXPECT_FALSE(terms.server);
  EXPECT_FALSE(terms.key_encipherment);
  spec.expiration_seconds = 3600;
  EXPECT_EQ(TermsFor(spec, kSigningTime, kSigningDuration).not_after, kSigningTime + 1h);
  spec.expiration_seconds = 1;
  EXPECT_EQ(TermsFor(spec, kSigningTime, kSigningDuration).not_after, kSigningTime + 10min);
  spec.expiration_seconds = 2'000'000'000;
  EXPECT_EQ(TermsFor(spec, kSigningTime, kSigningDuration).not_after,
            kSigningTime + kSigningDuration - 5min);
}

TEST(CertificateRulesTest, ARequestIsOverAnHourAfterItsAnswerAndADayWithoutOne) {
  certificates_v1::CertificateSigningRequest request;
  request.metadata.creation_timestamp = kSigningTime;
  EXPECT_EQ(EndOf(request), kSigningTime + 24h);
  AddCondition(request, "Approved", "r", "m");
  request.status.conditions[0].last_update_time = kSigningTime + 1h;
  EXPECT_EQ(EndOf(request), kSigningTime + 25h) << "approved, and nobody has signed it";
  const auto authority = *CertificateAuthority::Create("ca", kSigningTime);
  request.status.certificate = authority.Issue({.common_name = "x"}, kSigningTime)->certificate_pem;
  EXPECT_EQ(EndOf(request), kSigningTime + 2h);
  request.status.certificate =
      authority.Issue({.common_name = "x", .lifetime = 30min}, kSigningTime)->certificate_pem;
  EXPECT_EQ(EndOf(request), kSigningTime + 30min) << "the certificate is over before";
  AddCondition(request, "Failed", "r", "m");
  request.status.conditions[1].last_update_time = kSigningTime + 3h;
  EXPECT_EQ(EndOf(request), kSigningTime + 4h);
}

TEST(CertificateRulesTest, ARequestThatSomebodyHasTakenUpWaitsForTheAnswer) {
  certificates_v1::CertificateSigningRequest request;
  request.metadata.creation_timestamp = kSigningTime;
  AddCondition(request, "example.com/Reviewed", "r", "m");
  EXPECT_EQ(EndOf(request), TimePoint::max());
}

// As `user`, a member of `group`, asks for CN and O.
bool IsForNodeServices(const std::string& user, const std::string& group, CertificateOrder order,
                       std::string_view signer = kApiServerClientSigner) {
  static const SigningKeyPair kKey = *NewSigningKey(KeyKind::kP256);
  certificates_v1::CertificateSigningRequestSpec spec;
  spec.signer_name = signer;
  spec.username = user;
  spec.groups = {group};
  spec.usages = kClient;
  spec.request = *MakeCertificateRequest(kKey.private_pem, order);
  return IsForOwnNodeServices(spec);
}

TEST(CertificateRulesTest, ANodeGetsTheCertificateOfItsOwnNetworkServicesAndNobodyElseDoes) {
  const CertificateOrder own{.common_name = "skiff:node-services:n1",
                             .organizations = {"skiff:node-services"}};
  const auto changed = [&](auto change) {
    CertificateOrder order = own;
    change(order);
    return IsForNodeServices("system:node:n1", "system:nodes", order);
  };
  EXPECT_TRUE(IsForNodeServices("system:node:n1", "system:nodes", own));
  EXPECT_FALSE(IsForNodeServices("system:node:n2", "system:nodes", own));
  EXPECT_FALSE(IsForNodeServices("system:node:n1", "dev", own));
  EXPECT_FALSE(IsForNodeServices("alice", "system:nodes", own));
  EXPECT_FALSE(IsForNodeServices("system:node:n1", "system:nodes", own, kKubeletClientSigner));
  EXPECT_FALSE(changed([](auto& it) { it.organizations.push_back("system:masters"); }));
  EXPECT_FALSE(changed([](auto& it) { it.organizations = {"system:masters"}; }));
  EXPECT_FALSE(changed([](auto& it) { it.common_name = "system:kube-proxy"; }));
  EXPECT_FALSE(changed([](auto& it) { it.dns_names = {"n1"}; }));
}

}  // namespace
}  // namespace skiff::certificates
