#include "apiserver/auth/client_certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdio>

#include "base/certificates.h"
#include "base/pem.h"

namespace skiff {
namespace {

// The uid of a user in a subject, in the arc of Kubernetes.
constexpr std::string_view kUidType = "1.3.6.1.4.1.57683.2";

using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

CertificatePtr CertificateIn(BIO* from) {
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

}  // namespace

ClientCertificates::Authorities::Authorities(const Options& options) {
  if (!options.client_ca_pem.empty()) of_users.emplace(options.client_ca_pem);
  if (!options.proxy_ca_pem.empty()) of_proxies.emplace(options.proxy_ca_pem);
}

ClientCertificates::ClientCertificates(const Options& options)
    : authorities_(std::make_shared<const Authorities>(options)) {}

Result<> ClientCertificates::Use(const Options& options) {
  for (const std::string* authorities : {&options.client_ca_pem, &options.proxy_ca_pem}) {
    // All of it: whoever asks by one behind a broken part would be nobody.
    if (!authorities->empty()) TRY(ReadCertificates(*authorities));
  }
  auto next = std::make_shared<const Authorities>(options);
  const MutexLock lock(mutex_);
  authorities_ = std::move(next);
  known_.clear();
  return {};
}

void ClientCertificates::Judge(const Authorities& authorities, const std::string& pem,
                               TimePoint now, int level, CertificateHolder& holder) {
  const auto is_of = [&](const std::optional<ClientAuthorities>& of) {
    if (!of) return std::optional<Validity>();
    const auto good = of->HaveSignedAt(pem, now, level);
    const Validity judged = good.value_or(Validity{now, now + kNobodyTime});
    holder.judged.not_before = std::max(holder.judged.not_before, judged.not_before);
    holder.judged.not_after = std::min(holder.judged.not_after, judged.not_after);
    return good;
  };
  holder.is_proxy = is_of(authorities.of_proxies).has_value();
  const auto of_users = is_of(authorities.of_users);
  holder.is_client = of_users.has_value();
  if (of_users) holder.user_until = std::min(holder.user_until, of_users->not_after);
}

std::shared_ptr<CertificateHolder> ClientCertificates::Read(const Authorities& authorities,
                                                            const std::string& pem, TimePoint now,
                                                            int level) {
  const CertificatePtr first = CertificateIn(Reader(pem).get());
  ERR_clear_error();
  if (!first) return nullptr;
  const X509* certificate = first.get();
  auto holder = std::make_shared<CertificateHolder>();
  ReadSubject(certificate, *holder);
  holder->not_before = PointOf(X509_get0_notBefore(certificate));
  holder->not_after = PointOf(X509_get0_notAfter(certificate));
  holder->user_until = holder->not_after;
  const bool has_any = authorities.of_users || authorities.of_proxies;
  holder->is_client = !has_any;
  if (has_any) Judge(authorities, pem, now, level, *holder);
  return holder;
}

bool ClientCertificates::HasAuthorities() {
  const MutexLock lock(mutex_);
  return authorities_->of_users.has_value();
}

std::shared_ptr<const CertificateHolder> ClientCertificates::HolderOf(const std::string& pem,
                                                                      TimePoint now) {
  std::shared_ptr<const Authorities> authorities;
  {
    const MutexLock lock(mutex_);
    const auto known = known_.find(pem);
    if (known != known_.end() && known->second->judged.Has(now)) return known->second;
    authorities = authorities_;
  }
  const std::shared_ptr<const CertificateHolder> holder = Read(*authorities, pem, now, 0);
  if (!holder) return nullptr;
  const MutexLock lock(mutex_);
  if (authorities != authorities_) return holder;  // Judged by authorities that have just gone.
  if (known_.size() >= kKnownMax) {
    // Which one is as good as drawn by lot: what differs between certificates is random.
    const auto near = known_.lower_bound(pem);
    known_.erase(near != known_.end() ? near : known_.begin());
  }
  known_[pem] = holder;
  return holder;
}

std::shared_ptr<const CertificateHolder> ClientCertificates::HolderOfSent(const std::string& pem,
                                                                          TimePoint now) {
  std::shared_ptr<const Authorities> authorities;
  {
    const MutexLock lock(mutex_);
    authorities = authorities_;
  }
  auto holder = Read(*authorities, pem, now, kLevelOfSent);
  if (holder && !authorities->of_users) holder->is_client = false;
  return holder;
}

}  // namespace skiff
