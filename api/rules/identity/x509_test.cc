#include "api/rules/identity/x509.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace skiff {
namespace {

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

std::string KeyPem(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(bio);
}

std::string CertificatePem(EVP_PKEY* key) {
  X509* certificate = X509_new();
  X509_set_pubkey(certificate, key);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
  X509_sign(certificate, key, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  X509_free(certificate);
  return TextOf(bio);
}

class X509Test : public testing::Test {
 protected:
  ~X509Test() override {
    EVP_PKEY_free(key_);
    EVP_PKEY_free(other_);
  }
  EVP_PKEY* key_ = EVP_EC_gen("P-256");
  EVP_PKEY* other_ = EVP_EC_gen("P-256");
};

TEST_F(X509Test, AKeyBelongsToItsCertificateAlone) {
  EXPECT_EQ(KeyPairFault(CertificatePem(key_), KeyPem(key_)), "");
  EXPECT_EQ(KeyPairFault(CertificatePem(key_), KeyPem(other_)),
            "tls: private key does not match public key");
}

TEST_F(X509Test, WhatIsMissingIsNamed) {
  EXPECT_EQ(KeyPairFault("a", "b"), "tls: failed to find any PEM data in certificate input");
  EXPECT_EQ(KeyPairFault(CertificatePem(key_), "b"),
            "tls: failed to find any PEM data in key input");
  EXPECT_EQ(KeyPairFault(CertificatePem(key_), CertificatePem(key_)),
            "tls: found a certificate rather than a key in the PEM for the private key");
  EXPECT_EQ(KeyPairFault(KeyPem(key_), KeyPem(key_)),
            "tls: failed to find certificate PEM data in certificate input, but did find a "
            "private key; PEM inputs may have been switched");
}

TEST_F(X509Test, OneCertificateAmongAuthoritiesIsEnough) {
  const std::string certificate = CertificatePem(key_), key = KeyPem(key_);
  const std::string malformed = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const auto why = [](const std::string& pem) {
    constexpr std::string_view kFault = "unable to load root certificates: ";
    const std::string fault = AuthoritiesFault(pem);
    EXPECT_TRUE(fault.empty() || fault.starts_with(kFault)) << fault;
    return fault.substr(std::min(fault.size(), kFault.size()));
  };
  EXPECT_EQ(why(certificate), "");
  EXPECT_EQ(why(key + malformed + "words\n" + certificate), "");
  EXPECT_EQ(why(""), "unable to parse bytes as PEM block");
  EXPECT_EQ(why("\n"), "unable to parse bytes as PEM block");
  EXPECT_EQ(why(key), "no valid certificate authority data seen");
  EXPECT_EQ(why(malformed + key), "failed to parse certificate: x509: malformed certificate");
}

std::string RequestPem(EVP_PKEY* key, EVP_PKEY* signer) {
  X509_REQ* request = X509_REQ_new();
  X509_REQ_set_pubkey(request, key);
  X509_REQ_sign(request, signer, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_REQ(bio, request);
  X509_REQ_free(request);
  return TextOf(bio);
}

TEST_F(X509Test, ARequestIsSignedWithItsOwnKey) {
  const auto pem = [](const std::string& base64) {
    return "-----BEGIN CERTIFICATE REQUEST-----\n" + base64 + "-----END CERTIFICATE REQUEST-----\n";
  };
  EXPECT_EQ(RequestFault("words\n" + RequestPem(key_, key_)), "");
  EXPECT_EQ(RequestFault(RequestPem(key_, other_)), "x509: ECDSA verification failure");
  EXPECT_EQ(RequestFault(pem("AAAA\n")), "asn1: structure error: malformed certificate request");
  const std::string none = "PEM block type must be CERTIFICATE REQUEST";
  for (const std::string& text : {std::string(), std::string("words"), CertificatePem(key_),
                                  pem("****\n"), CertificatePem(key_) + RequestPem(key_, key_)}) {
    EXPECT_EQ(RequestFault(text), none) << text;
  }
}

TEST_F(X509Test, ListsOfCertificatesHoldNothingElse) {
  const std::string certificate = CertificatePem(key_);
  EXPECT_EQ(CertificatesFault(certificate + "words\n" + certificate), "");
  EXPECT_EQ(CertificatesFault("words"), "must contain at least one CERTIFICATE PEM block");
  EXPECT_EQ(CertificatesFault(certificate + KeyPem(key_)),
            "only CERTIFICATE PEM blocks are allowed, found \"PRIVATE KEY\"");
  EXPECT_EQ(CertificatesFault("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "x509: malformed certificate");
  std::string headed = certificate;
  headed.insert(headed.find('\n') + 1, "a: b\n\n");
  EXPECT_EQ(CertificatesFault(headed), "no PEM block headers are permitted");
}

TEST_F(X509Test, ARequestNamesOrganizations) {
  X509_REQ* request = X509_REQ_new();
  X509_NAME* subject = X509_REQ_get_subject_name(request);
  for (const char* name : {"a", "system:masters"}) {
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  }
  // In another encoding: two bytes a letter.
  const unsigned char wide[] = {0, 'o', 0, 'p', 0, 's'};
  X509_NAME_add_entry_by_NID(subject, NID_organizationName, V_ASN1_BMPSTRING, wide, sizeof wide,
                             -1, 0);
  X509_REQ_set_pubkey(request, key_);
  X509_REQ_sign(request, key_, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_REQ(bio, request);
  X509_REQ_free(request);
  const auto names = RequestedOrganizations(TextOf(bio));
  ASSERT_TRUE(names);
  EXPECT_EQ(*names, (std::vector<std::string>{"a", "system:masters", "ops"}));
  EXPECT_FALSE(RequestedOrganizations("none").has_value());
}

}  // namespace
}  // namespace skiff
