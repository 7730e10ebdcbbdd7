#include "apiserver/auth/client_certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <cstdio>

#include "base/certificates.h"
#include "base/pem.h"

namespace skiff {
namespace {

// The uid of a user in a subject, in the arc of Kubernetes.
constexpr std::string_view kUidType = "1.3.6.1.4.1.57683.2";

using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

CertificatePtr Read(BIO* from) {
  return {PEM_read_bio_X509(from, nullptr, &NoPassPhrase, nullptr), &X509_free};
}

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
BioPtr Reader(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

// "X509SHA256=<hex>", the id of a certificate as a credential.
std::string CredentialId(const X509* certificate) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  unsigned int size = 0;
  X509_digest(certificate, EVP_sha256(), digest, &size);
  std::string id = "X509SHA256=";
  char hex[3];
  for (unsigned int i = 0; i < size; ++i) {
    std::snprintf(hex, sizeof hex, "%02x", digest[i]);
    id += hex;
  }
  return id;
}

std::string ValueOf(const X509_NAME_ENTRY* entry) {
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
  if (length < 0) return "";
  std::string value(reinterpret_cast<char*>(text), static_cast<size_t>(length));
  OPENSSL_free(text);
  return value;
}

void ReadSubject(const X509* certificate, CertificateHolder& holder) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  bool has_uid = false;
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const ASN1_OBJECT* type = X509_NAME_ENTRY_get_object(entry);
    const int field = OBJ_obj2nid(type);
    if (field == NID_commonName) holder.user.name = ValueOf(entry);
    if (field == NID_organizationName) holder.user.groups.push_back(ValueOf(entry));
    char dotted[64] = {};
    OBJ_obj2txt(dotted, sizeof dotted, type, /*no_name=*/1);
    if (dotted != kUidType) continue;
    if (has_uid) holder.fault = "expected 1 UID, but found multiple";
    has_uid = true;
    holder.user.uid = ValueOf(entry);
    if (holder.user.uid.empty()) holder.fault = "UID cannot be empty";
  }
  holder.user.extra["authentication.kubernetes.io/credential-id"] = {CredentialId(certificate)};
}

using Chain = std::vector<CertificatePtr>;

// Whether one of the authorities signed the first for clients, itself or by way of the others,
// whatever the time.
bool IsSignedBy(const Chain& chain, const std::string& authorities_pem) {
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(),
                                                                      &X509_STORE_free);
  const BioPtr reader = Reader(authorities_pem);
  while (const CertificatePtr authority = Read(reader.get())) {
    X509_STORE_add_cert(store.get(), authority.get());
  }
  // As in Go: whatever is listed is trusted, also when it is no root.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(
      X509_STORE_CTX_new(), &X509_STORE_CTX_free);
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> others(
      sk_X509_new_null(), [](STACK_OF(X509)* list) { sk_X509_free(list); });
  for (size_t i = 1; i < chain.size(); ++i) sk_X509_push(others.get(), chain[i].get());
  X509_STORE_CTX_init(context.get(), store.get(), chain[0].get(), others.get());
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT);
  const bool is_signed = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  return is_signed;
}

}  // namespace

Result<> ClientCertificates::Use(Options options) {
  for (const std::string* authorities : {&options.client_ca_pem, &options.proxy_ca_pem}) {
    // All of it: whoever asks by one behind a broken part would be nobody.
    if (!authorities->empty()) TRY(ReadCertificates(*authorities));
  }
  auto next = std::make_shared<const Options>(std::move(options));
  const MutexLock lock(mutex_);
  options_ = std::move(next);
  known_.clear();
  return {};
}

std::shared_ptr<const CertificateHolder> ClientCertificates::HolderOf(const std::string& pem) {
  std::shared_ptr<const Options> options;
  {
    const MutexLock lock(mutex_);
    const auto known = known_.find(pem);
    if (known != known_.end()) return known->second;
    options = options_;
  }
  Chain chain;
  const BioPtr reader = Reader(pem);
  while (CertificatePtr next = Read(reader.get())) chain.push_back(std::move(next));
  ERR_clear_error();
  if (chain.empty()) return nullptr;
  const X509* certificate = chain[0].get();
  auto holder = std::make_shared<CertificateHolder>();
  ReadSubject(certificate, *holder);
  holder->not_before = PointOf(X509_get0_notBefore(certificate));
  holder->not_after = PointOf(X509_get0_notAfter(certificate));
  if (options->client_ca_pem.empty() && options->proxy_ca_pem.empty()) {
    holder->is_client = true;
  } else {
    const auto is_of = [&](const std::string& authorities) {
      return !authorities.empty() && IsSignedBy(chain, authorities);
    };
    holder->is_proxy = is_of(options->proxy_ca_pem);
    holder->is_client = is_of(options->client_ca_pem);
  }
  const MutexLock lock(mutex_);
  if (options != options_) return holder;  // Judged by authorities that have just gone.
  if (known_.size() >= kKnownMax) known_.clear();
  known_[pem] = holder;
  return holder;
}

}  // namespace skiff
