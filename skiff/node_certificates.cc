#include "skiff/node_certificates.h"

#include <fmt/format.h>

#include <filesystem>

#include "api/pods/node_services.h"
#include "apiserver/auth/pki.h"
#include "base/hash.h"
#include "base/pem.h"
#include "client/scoped_informer.h"
#include "controllers/identity/certificate_rules.h"
#include "skiff/host_facts.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

constexpr char kContext[] = "default-context";

std::string KubeconfigPath(const std::string& directory) {
  return directory + "/kubelet.conf";
}
std::string ClientPath(const std::string& directory) {
  return directory + "/pki/kubelet-client-current.pem";
}
std::string ServicesPath(const std::string& directory) {
  return directory + "/pki/node-services-current.pem";
}
std::string AuthorityPath(const std::string& directory) {
  return directory + "/pki/ca.crt";
}

// The private key in a text that may hold certificates as well; "" without one.
std::string KeyIn(const std::string& text) {
  const size_t key = text.find("PRIVATE KEY-----");
  if (key == std::string::npos) return "";
  const size_t begin = text.rfind("-----BEGIN ", key);
  const size_t next = text.find("-----BEGIN ", key);
  return text.substr(begin, next == std::string::npos ? next : next - begin);
}

std::string CertificatesIn(const std::string& text) {
  std::string all;
  for (const std::string& pem : SplitCertificates(text)) all += pem;
  return all;
}

}  // namespace

bool IsAnswered(const CertificateSigningRequest& request) {
  return !request.status.certificate.empty() ||
         certificates::FindCondition(request, "Denied") != nullptr ||
         certificates::FindCondition(request, "Failed") != nullptr;
}

Result<std::string> AnswerOf(const CertificateSigningRequest& request) {
  if (!request.status.certificate.empty()) return request.status.certificate;
  const auto* condition = certificates::FindCondition(request, "Denied");
  if (condition == nullptr) condition = certificates::FindCondition(request, "Failed");
  if (condition == nullptr) {
    return Fail(Reason::kTimeout,
                fmt::format("nobody answered certificate request {0}: approve it with `skiff "
                            "certificate approve {0}`, or see on the server why its controllers do "
                            "not",
                            request.metadata.name));
  }
  return Fail(
      Reason::kForbidden,
      fmt::format("the cluster refused a certificate for this node ({}: {}); see `skiff get "
                  "csr {} -o yaml` on the server",
                  condition->reason, condition->message, request.metadata.name));
}

WantedCertificate NodeClientCertificate(const std::string& node_name) {
  return {certificates::kKubeletClientSigner,
          {.common_name = "system:node:" + node_name, .organizations = {"system:nodes"}}};
}

WantedCertificate NodeServicesCertificate(const std::string& node_name) {
  return {certificates::kApiServerClientSigner,
          {.common_name = NodeServicesUser(node_name),
           .organizations = {std::string(kNodeServicesGroup)}}};
}

CertificateSigningRequest NodeRequestOf(std::string_view signer, const std::string& request_pem) {
  CertificateSigningRequest request;
  request.metadata.name = "node-csr-" + Base64Url(Sha256(std::string(signer) + request_pem));
  request.spec.signer_name = signer;
  request.spec.request = request_pem;
  request.spec.usages = {"digital signature", signer == certificates::kKubeletServingSigner
                                                  ? "server auth"
                                                  : "client auth"};
  return request;
}

Result<KeyPair> ObtainClientCertificate(const CertificateOffice& office,
                                        const WantedCertificate& wanted, Duration timeout) {
  const SigningKeyPair key = TRY(NewSigningKey(KeyKind::kP256));
  const std::string pem = TRY(MakeCertificateRequest(key.private_pem, wanted.order));
  const auto request = NodeRequestOf(wanted.signer, pem);
  const auto created = office.client.Create(request);
  if (!created) {
    return Fail(created.error().reason,
                fmt::format("the cluster takes no certificate request of this node ({}): the token "
                            "may have expired meanwhile, or is not for nodes; make a new one with "
                            "`skiff token create --print-join-command` on the server",
                            created.error().message));
  }
  ListOptions scope;
  scope.field_selector = "metadata.name=" + request.metadata.name;
  const auto answered = WaitForObject<CertificateSigningRequest>(
      {office.client, office.clock, office.random}, scope, &IsAnswered, timeout);
  if (!answered) {
    return Fail(Reason::kTimeout,
                fmt::format("nobody answered this node's certificate request {0} in {1} s: approve "
                            "it with `skiff certificate approve {0}`, or see on the server why "
                            "its controllers do not",
                            request.metadata.name,
                            std::chrono::duration_cast<std::chrono::seconds>(timeout).count()));
  }
  std::string certificate = TRY(AnswerOf(*answered));
  return KeyPair{std::move(certificate), key.private_pem};
}

Result<NodeIdentity> LoadNodeIdentity(const std::string& directory) {
  std::error_code unseen;
  if (!std::filesystem::exists(KubeconfigPath(directory), unseen)) {
    return Fail(Reason::kNotFound, "no cluster has been joined with " + directory);
  }
  const Kubeconfig config = TRY(Kubeconfig::Load(KubeconfigPath(directory)));
  const HttpsOptions options = TRY(config.Options());
  // Certificate and key are in one file, as kubelets keep them.
  NodeIdentity identity{
      .server = options.server,
      .authority_pem = options.certificate_authority,
      .client = {CertificatesIn(options.client_certificate), KeyIn(options.client_key)}};
  const auto names = TRY(NamesOfCertificate(identity.client.certificate_pem));
  constexpr std::string_view kPrefix = "system:node:";
  if (!names.common_name.starts_with(kPrefix)) {
    return Fail(Reason::kInvalid,
                KubeconfigPath(directory) + " holds the certificate of " + names.common_name +
                    ", which is no node; remove the data directory with `skiff down" +
                    DataDirWords(directory) + "` and join anew");
  }
  identity.node_name = names.common_name.substr(kPrefix.size());
  return identity;
}

Result<> SaveNodeIdentity(const std::string& directory, const NodeIdentity& identity) {
  std::error_code error;
  std::filesystem::create_directories(directory + "/pki", error);
  if (error) return Fail(Reason::kForbidden, directory + "/pki: " + error.message());
  TRY(WriteWholeFile(AuthorityPath(directory), identity.authority_pem, 0644));
  TRY(WriteWholeFile(ClientPath(directory),
                     JoinPem(identity.client.certificate_pem, identity.client.key_pem), 0600));
  Kubeconfig config;
  config.clusters["default-cluster"] = {.server = identity.server,
                                        .certificate_authority = AuthorityPath(directory)};
  config.users["default-auth"] = {.client_certificate = ClientPath(directory),
                                  .client_key = ClientPath(directory)};
  config.contexts[kContext] = {
      .cluster = "default-cluster", .user = "default-auth", .namespace_ = "default"};
  config.current_context = kContext;
  return WriteWholeFile(KubeconfigPath(directory), config.ToYaml(), 0600);
}

namespace {

// Good or ended.
Result<KeyPair> ReadNodeServices(const std::string& directory, const std::string& node_name) {
  const std::string text = TRY(ReadWholeFile(ServicesPath(directory)));
  KeyPair pair{CertificatesIn(text), KeyIn(text)};
  const auto names = NamesOfCertificate(pair.certificate_pem);
  if (names && names->common_name == NodeServicesUser(node_name) && !pair.key_pem.empty()) {
    return pair;
  }
  return Fail(Reason::kNotFound, "no certificate of this node's network services");
}

}  // namespace

Result<KeyPair> LoadNodeServices(const std::string& directory, const std::string& node_name,
                                 TimePoint now) {
  KeyPair pair = TRY(ReadNodeServices(directory, node_name));
  const auto expiry = ExpiryOf(pair.certificate_pem);
  if (expiry && now < *expiry) return pair;
  return Fail(Reason::kNotFound, "the certificate of this node's network services has ended");
}

Result<KeyPair> NodeServicesAtStart(const std::string& directory, const std::string& node_name,
                                    const CertificateOffice& as_node, Duration timeout) {
  if (auto kept = LoadNodeServices(directory, node_name, as_node.clock.Now())) return kept;
  const auto made = ObtainClientCertificate(as_node, NodeServicesCertificate(node_name), timeout);
  if (made) {
    TRY(SaveNodeServices(directory, *made));
    return *made;
  }
  if (auto ended = ReadNodeServices(directory, node_name)) return ended;
  // Nobody answers, be it the API or who signs. A refusal is another thing.
  const Reason why = made.error().reason;
  if (why == Reason::kServiceUnavailable || why == Reason::kTimeout) return KeyPair{};
  return Fail(made.error());
}

Result<> SaveNodeServices(const std::string& directory, const KeyPair& pair) {
  return WriteWholeFile(ServicesPath(directory), JoinPem(pair.certificate_pem, pair.key_pem), 0600);
}

HttpsOptions HttpsOptionsOf(const NodeIdentity& identity) {
  return {.server = identity.server,
          .certificate_authority = identity.authority_pem,
          .client_certificate = identity.client.certificate_pem,
          .client_key = identity.client.key_pem};
}

}  // namespace skiff
