// Throw-away certificates for tests: an authority, and leaves for servers and clients.
#pragma once

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::http::testing {

struct CertificateAndKey {
  std::string certificate_pem;
  std::string key_pem;
};

class TestAuthority {
 public:
  struct Subject {
    std::string common_name;
    std::vector<std::string> organizations = {};
    std::string alternative_names = {};  // "DNS:localhost,IP:127.0.0.1"
    bool is_ca = false;
    long begins_s = -3600;  // From now on.
    long ends_s = 24 * 3600;
    std::string key_usage = {};  // "clientAuth"
  };

  explicit TestAuthority(const std::string& name = "test-ca")
      : TestAuthority(Subject{.common_name = name, .is_ca = true}) {}
  // One that may be none: it signs all the same.
  explicit TestAuthority(const Subject& own)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(nullptr, X509_free) {
    certificate_ = Make(own, key_.get());
  }

  std::string certificate_pem() const { return Pem(certificate_.get()); }

  CertificateAndKey Issue(const Subject& subject) {
    const KeyPtr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const BioPtr out(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return {Pem(Make(subject, key.get()).get()), Text(out.get())};
  }
  CertificateAndKey IssueServer(const std::string& name = "server") {
    return Issue({.common_name = name, .alternative_names = "DNS:localhost,IP:127.0.0.1"});
  }

 private:
  using KeyPtr = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
  using CertificatePtr = std::unique_ptr<X509, void (*)(X509*)>;
  using BioPtr = std::unique_ptr<BIO, int (*)(BIO*)>;

  static std::string Text(BIO* bio) {
    char* text = nullptr;
    const long length = BIO_get_mem_data(bio, &text);
    return {text, static_cast<size_t>(length)};
  }
  static std::string Pem(X509* certificate) {
    const BioPtr out(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(out.get(), certificate);
    return Text(out.get());
  }
  static void AddName(X509_NAME* name, const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
  }
  static void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    CHECK(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  CertificatePtr Make(const Subject& subject, EVP_PKEY* key) {
    CertificatePtr made(X509_new(), X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), subject.begins_s);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), subject.ends_s);
    X509_NAME* name = X509_get_subject_name(made.get());
    for (const auto& organization : subject.organizations) AddName(name, "O", organization);
    if (!subject.common_name.empty()) AddName(name, "CN", subject.common_name);
    X509* issuer = subject.is_ca || !certificate_ ? made.get() : certificate_.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
    X509_set_pubkey(made.get(), key);
    AddExtension(made.get(), issuer, NID_basic_constraints,
                 subject.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!subject.alternative_names.empty()) {
      AddExtension(made.get(), issuer, NID_subject_alt_name, subject.alternative_names);
    }
    if (!subject.key_usage.empty()) {
      AddExtension(made.get(), issuer, NID_ext_key_usage, subject.key_usage);
    }
    CHECK(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0);
    return made;
  }

  KeyPtr key_;
  CertificatePtr certificate_;
  long serial_ = 0;
};

}  // namespace skiff::http::testing
