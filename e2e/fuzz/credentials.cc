// By what anybody may say who he is: tokens, certificates, requests for certificates, and the
// kubeconfigs that clusters hand out to those who do not know them yet.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "api/codec/json.h"
#include "api/text/utf8.h"
#include "apiserver/auth/client_certificates.h"
#include "apiserver/auth/jwt.h"
#include "apiserver/auth/token_file.h"
#include "apiserver/auth/token_protocol.h"
#include "base/certificates.h"
#include "base/hash.h"
#include "client/bootstrap_token.h"
#include "client/kubeconfig.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

constexpr TimePoint kNow{1'800'000'000s};

const std::vector<TokenKey>& Keys() {
  static const std::vector<TokenKey> keys = [] {
    std::vector<TokenKey> made;
    for (const KeyKind kind : {KeyKind::kP256, KeyKind::kRsa2048}) {
      made.push_back(TokenKey::FromPem(NewSigningKey(kind)->private_pem)->at(0));
    }
    return made;
  }();
  return keys;
}

const CertificateAuthority& Authority() {
  static const CertificateAuthority authority = *CertificateAuthority::Create("ca", kNow);
  return authority;
}

std::string PemOf(const char* kind, std::string_view der) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio(bio, kind, "", reinterpret_cast<const unsigned char*>(der.data()),
                static_cast<long>(der.size()));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

bool Same(const CertificateNames& a, const CertificateNames& b) {
  return a.common_name == b.common_name && a.organizations == b.organizations &&
         a.dns_names == b.dns_names && a.ip_addresses == b.ip_addresses && a.emails == b.emails &&
         a.uris == b.uris;
}

// A request that its own key has signed, with that for its subject and its extensions, both in DER;
// "" where OpenSSL takes neither.
std::string RequestOf(std::string_view subject, std::string_view extensions) {
  static EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509_REQ* request = X509_REQ_new();
  const auto* at = reinterpret_cast<const unsigned char*>(subject.data());
  X509_NAME* name = d2i_X509_NAME(nullptr, &at, static_cast<long>(subject.size()));
  at = reinterpret_cast<const unsigned char*>(extensions.data());
  X509_EXTENSIONS* list = d2i_X509_EXTENSIONS(nullptr, &at, static_cast<long>(extensions.size()));
  std::string pem;
  if (name != nullptr) X509_REQ_set_subject_name(request, name);
  if (list != nullptr) X509_REQ_add_extensions(request, list);
  X509_REQ_set_pubkey(request, key);
  if ((name != nullptr || list != nullptr) && X509_REQ_sign(request, key, EVP_sha256()) > 0) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_REQ(request, &der);
    if (size > 0) pem = PemOf("CERTIFICATE REQUEST", {reinterpret_cast<char*>(der),
                                                      static_cast<size_t>(size)});
    OPENSSL_free(der);
  }
  sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
  X509_NAME_free(name);
  X509_REQ_free(request);
  return pem;
}

}  // namespace

void Tokens(std::string_view bytes) {
  const auto peeked = PeekClaims(bytes);
  const auto verified = VerifyToken(Keys(), bytes);
  // Nobody can sign by our keys.
  CHECK(!verified);
  CHECK(!peeked || peeked->is_object());
  if (const auto token = BootstrapToken::Parse(bytes)) CHECK(token->Text() == bytes);
  (void)TokenFile::Parse(bytes);
  if (bytes.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos) {
    http::Request request;
    request.headers = {{"Connection", "Upgrade"},
                       {"Upgrade", "websocket"},
                       {"Sec-WebSocket-Protocol", std::string(bytes)}};
    (void)TokenInProtocols(request);
    if (const auto bare = WithoutTokenProtocol(request)) CHECK(!WithoutTokenProtocol(*bare));
  }
  const auto claims = ParseJson(bytes);
  if (!claims || !claims->is_object() || !IsUtf8(bytes)) return;
  const auto token = SignToken(Keys()[0], *claims);
  CHECK(token.has_value());
  CHECK(VerifyToken(Keys(), *token).has_value());
}

// In DER.
void Certificate(std::string_view bytes) {
  const std::string pem = PemOf("CERTIFICATE", bytes);
  const auto names = NamesOfCertificate(pem);
  const auto validity = ValidityOf(pem);
  CHECK(names.has_value() == validity.has_value());
  (void)NeedsRenewal(pem, kNow);
  (void)PublicKeyPin(pem);
  (void)SplitCertificates(bytes);
  (void)SplitCertificates(pem);
  for (const bool judged : {false, true}) {
    const std::string authority = judged ? Authority().pem().certificate_pem : "";
    ClientCertificates certificates({.client_ca_pem = authority, .proxy_ca_pem = authority});
    const auto holder = certificates.HolderOf(pem, kNow);
    // Nobody can sign by our authority.
    CHECK(!judged || !holder || (!holder->is_client && !holder->is_proxy));
    if (holder) (void)holder->IsGoodAt(kNow);
  }
  ERR_clear_error();
}

// The subject, and all extensions, as they stand in a request, behind the length of the former.
void SigningRequest(std::string_view bytes) {
  if (bytes.empty()) return;
  const size_t split = std::min<size_t>(static_cast<unsigned char>(bytes[0]), bytes.size() - 1);
  const std::string pem = RequestOf(bytes.substr(1, split), bytes.substr(1 + split));
  ERR_clear_error();
  if (pem.empty()) return;
  const auto names = NamesOfRequest(pem);
  const auto certificate = Authority().SignRequest(
      pem, {.not_before = kNow, .not_after = kNow + 24h, .server = true, .client = true});
  ERR_clear_error();
  if (!names || !certificate) return;
  // Who judged the names of the request has judged those of the certificate.
  const auto signed_names = NamesOfCertificate(*certificate);
  CHECK(signed_names.has_value());
  CHECK(Same(*names, *signed_names));
}

void KubeconfigText(std::string_view bytes) {
  const auto read = Kubeconfig::Parse(std::string(bytes), "/home/me/.kube");
  if (!read) {
    CHECK(!read.error().message.empty());
    return;
  }
  const std::string text = read->ToYaml();
  const auto again = Kubeconfig::Parse(text, "/home/me/.kube");
  CHECK(again.has_value());
  CHECK(again->ToYaml() == text);
  (void)read->Namespace();
  for (const auto& [name, user] : read->users) (void)ImpersonationHeaders(user.as, name);
}

}  // namespace skiff::fuzz
