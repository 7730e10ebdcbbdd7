#include "base/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/test_certificates.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const TimePoint kNow{1'700'000'000s};

class CertificatesTest : public testing::Test {
 protected:
  const CertificateAuthority authority_ = *CertificateAuthority::Create("kubernetes", kNow);
  const SigningKeyPair key_ = *NewSigningKey(KeyKind::kP256);
};

TEST_F(CertificatesTest, ARequestNamesWhatItWasOrderedFor) {
  const auto request =
      MakeCertificateRequest(key_.private_pem, {.common_name = "system:node:n1",
                                                .organizations = {"system:nodes"},
                                                .dns_names = {"n1", "n1.example.com"},
                                                .ip_addresses = {"10.0.0.7", "fd00::7"}});
  ASSERT_TRUE(request) << request.error().message;
  const auto names = NamesOfRequest(*request);
  ASSERT_TRUE(names) << names.error().message;
  EXPECT_EQ(names->common_name, "system:node:n1");
  EXPECT_THAT(names->organizations, ElementsAre("system:nodes"));
  EXPECT_THAT(names->dns_names, ElementsAre("n1", "n1.example.com"));
  EXPECT_THAT(names->ip_addresses, ElementsAre("10.0.0.7", "fd00::7"));
  EXPECT_THAT(names->emails, IsEmpty());
}

TEST_F(CertificatesTest, ASignedRequestKeepsItsNamesAndGetsTheSignersTerms) {
  const auto request = *MakeCertificateRequest(
      key_.private_pem,
      {.common_name = "me", .organizations = {"a", "b"}, .dns_names = {"me.example.com"}});
  const auto certificate = authority_.SignRequest(
      request, {.not_before = kNow - 5min, .not_after = kNow + 1h, .client = true});
  ASSERT_TRUE(certificate) << certificate.error().message;
  const auto names = *NamesOfCertificate(*certificate);
  EXPECT_EQ(names.common_name, "me");
  EXPECT_THAT(names.organizations, ElementsAre("a", "b"));
  EXPECT_THAT(names.dns_names, ElementsAre("me.example.com"));
  const auto validity = *ValidityOf(*certificate);
  EXPECT_EQ(validity.not_before, kNow - 5min);
  EXPECT_EQ(validity.not_after, kNow + 1h);
}

TEST_F(CertificatesTest, ACertificateWithoutAnEndIsGoodForAsLongAsWeCanSay) {
  const auto validity = ValidityOf(kEndless);
  ASSERT_TRUE(validity) << validity.error().message;
  EXPECT_GT(validity->not_after, kNow + 24h * 365 * 200);
  EXPECT_LT(validity->not_before, kNow + 24h * 365 * 10);
  EXPECT_FALSE(NeedsRenewal(kEndless, kNow + 24h * 365 * 50));
}

TEST_F(CertificatesTest, NoCertificateOutlivesItsAuthority) {
  const auto request = *MakeCertificateRequest(key_.private_pem, {.common_name = "me"});
  const auto certificate = *authority_.SignRequest(
      request, {.not_before = kNow, .not_after = kNow + 2 * kAuthorityLifetime});
  EXPECT_EQ(*ExpiryOf(certificate), *ExpiryOf(authority_.pem().certificate_pem));
}

TEST_F(CertificatesTest, AnAuthorityWithoutAnIdentifierOfItsKeySigns) {
  const auto plain = CertificateAuthority::FromPem({kPlainAuthority, kPlainAuthorityKey});
  ASSERT_TRUE(plain) << plain.error().message;
  const auto request = *MakeCertificateRequest(key_.private_pem, {.common_name = "me"});
  const auto signed_one =
      plain->SignRequest(request, {.not_before = kNow, .not_after = kNow + 1h, .client = true});
  ASSERT_TRUE(signed_one) << signed_one.error().message;
  EXPECT_EQ(NamesOfCertificate(*signed_one)->common_name, "me");
  EXPECT_TRUE(plain->Issue({.common_name = "you"}, kNow));
}

TEST_F(CertificatesTest, ARequestThatWasTamperedWithIsRefused) {
  std::string request = *MakeCertificateRequest(key_.private_pem, {.common_name = "me"});
  // A character of the subject, in base64: the text stays well-formed.
  const size_t at = request.find('\n') + 30;
  request[at] = request[at] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(NamesOfRequest(request));
  EXPECT_FALSE(authority_.SignRequest(request, {.not_before = kNow, .not_after = kNow + 1h}));
  EXPECT_FALSE(NamesOfRequest("no PEM at all"));
}

TEST_F(CertificatesTest, AnAuthorityIsItsCertificateWithItsOwnKey) {
  EXPECT_TRUE(CertificateAuthority::FromPem(authority_.pem()));
  const auto mixed =
      CertificateAuthority::FromPem({authority_.pem().certificate_pem, key_.private_pem});
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().message,
            "the certificate authority's key does not belong to its certificate");
}

TEST_F(CertificatesTest, APinNamesTheKeyAndNotTheCertificate) {
  // Taken with: openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum
  constexpr std::string_view kPem = R"(-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUSRn52l07c19dud4ft0ibqBDTKwYwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGcGlubmVkMB4XDTI2MTEyMDEyMzExOFoXDTM2MTExNzEyMzEx
OFowETEPMA0GA1UEAwwGcGlubmVkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
kGxjqfWlxtJRSnQ2Zo6GT6sIz736/Kv7M/6ZwGA0rn7yRD9nGl6vczdCuErIP4ck
364fZMUomPqpNRMjR8JUO6NTMFEwHQYDVR0OBBYEFPgkHApvrgrmJUZK7By/Ky+4
6JWtMB8GA1UdIwQYMBaAFPgkHApvrgrmJUZK7By/Ky+46JWtMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAPUdGLie9vas/nAkbu6uFbph324y6YJB
1bsY0ll3xABrAiB148Q4xgDDt2sKwqDktlSae7/kzigwVwkfA7iUbR9/EQ==
-----END CERTIFICATE-----
)";
  EXPECT_EQ(*PublicKeyPin(kPem),
            "sha256:225a0dc9d832ab14d2428ff39e5cdf590bc206714e4659958fa1aba652975970");
  const auto other = *CertificateAuthority::Create("kubernetes", kNow);
  EXPECT_NE(*PublicKeyPin(authority_.pem().certificate_pem),
            *PublicKeyPin(other.pem().certificate_pem));
}

TEST_F(CertificatesTest, ABundleIsSplitIntoItsCertificates) {
  const auto other = *CertificateAuthority::Create("other", kNow);
  const std::string bundle =
      authority_.pem().certificate_pem + "\n# a comment\n" + other.pem().certificate_pem;
  EXPECT_THAT(SplitCertificates(bundle),
              ElementsAre(authority_.pem().certificate_pem, other.pem().certificate_pem));
  EXPECT_THAT(SplitCertificates("none"), IsEmpty());
}

TEST_F(CertificatesTest, ABundleWithAPartThatCannotBeReadIsNotRead) {
  const std::string good = authority_.pem().certificate_pem;
  EXPECT_THAT(*ReadCertificates("# ours\n" + good + authority_.pem().key_pem + good + "# end"),
              ElementsAre(good, good));
  std::string garbled = good;
  garbled.replace(garbled.find('\n') + 1, 8, "AAAAAAAA");
  const std::string half = good.substr(0, good.size() / 2);
  for (const std::string& broken : {garbled, half}) {
    EXPECT_FALSE(ReadCertificates(good + broken)) << broken;
    EXPECT_FALSE(ReadCertificates(good + broken + good)) << broken;
    EXPECT_THAT(SplitCertificates(good + broken), ElementsAre(good));
  }
  EXPECT_FALSE(ReadCertificates(""));
  EXPECT_FALSE(ReadCertificates("none"));
}

// As Go has it, which takes it for text between two certificates.
TEST_F(CertificatesTest, WhatIsNoBase64IsPassedOver) {
  const std::string good = authority_.pem().certificate_pem;
  std::string broken = good;
  broken.replace(broken.find('\n') + 1, 8, "!!!!!!!!");
  std::string short_of_one = good;
  short_of_one.erase(short_of_one.find('\n') + 1, 1);
  for (const std::string& each : {broken, short_of_one}) {
    EXPECT_THAT(*ReadCertificates(good + each), ElementsAre(good)) << each;
    EXPECT_THAT(*ReadCertificates(each + good + each + good), ElementsAre(good, good)) << each;
    EXPECT_THAT(SplitCertificates(each + good), ElementsAre(good)) << each;
    EXPECT_FALSE(ReadCertificates(each)) << each;
  }
}

TEST_F(CertificatesTest, KeysAreWrittenAsEveryClientReadsThem) {
  const auto starts = [](const std::string& pem, const char* kind) {
    return pem.starts_with(std::string("-----BEGIN ") + kind + "-----");
  };
  EXPECT_TRUE(starts(key_.private_pem, "EC PRIVATE KEY"));
  EXPECT_TRUE(starts(NewSigningKey(KeyKind::kRsa2048)->private_pem, "RSA PRIVATE KEY"));
  EXPECT_TRUE(starts(authority_.Issue({.common_name = "me"}, kNow)->key_pem, "EC PRIVATE KEY"));
}

TEST_F(CertificatesTest, AKeyOfRsaSaysHowLongItIs) {
  const std::string key = NewSigningKey(KeyKind::kRsa2048)->private_pem;
  EXPECT_EQ(RsaBitsOf(key), 2048);
  EXPECT_EQ(RsaBitsOf(*RewrittenKey(key)), 2048);
  EXPECT_EQ(RsaBitsOf(key_.private_pem), std::nullopt);
  EXPECT_EQ(RsaBitsOf("no key"), std::nullopt);
}

// Of system:node:n1, with two lists of alternative names: kubernetes.default.svc, and a.
constexpr const char* kNamedTwice =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIIBLTCB1AIBADAwMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFzAVBgNVBAMMDnN5\n"
    "c3RlbTpub2RlOm4xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEctQMfy0GmepD\n"
    "Hc0soW2LYsh01zGb8IJU6xrCeW7FTbaIaVoXsSeVy+bM4iUb68aiIaOwXDYbqmfn\n"
    "9xnUmOIQD6BCMEAGCSqGSIb3DQEJDjEzMDEwIQYDVR0RBBowGIIWa3ViZXJuZXRl\n"
    "cy5kZWZhdWx0LnN2YzAMBgNVHREEBTADggFhMAoGCCqGSM49BAMCA0gAMEUCIFQE\n"
    "M5xVZHcxJQGlki0FVV92bw6Xbt4gKd5R0eRUmhJrAiEAx2gSm3/9ypF2AQf14KZg\n"
    "wDutgFulydyRIo7YzXHWWq0=\n"
    "-----END CERTIFICATE REQUEST-----\n";

TEST_F(CertificatesTest, NamesThatAreGivenTwiceAreNotTakenForNone) {
  EXPECT_FALSE(NamesOfRequest(kNamedTwice));
}

// Of the organization system:nodes, the unit racks, and two common names, admin and
// system:node:n1, with the uid "of-another" (1.3.6.1.4.1.57683.2) between them.
constexpr const char* kSubjectOfMuch =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIIBJzCBzQIBADBrMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxDjAMBgNVBAMMBWFk\n"
    "bWluMRkwFwYJKwYBBAGDwlMCDApvZi1hbm90aGVyMQ4wDAYDVQQLDAVyYWNrczEX\n"
    "MBUGA1UEAwwOc3lzdGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
    "AASIjF0tYRYkMcS6e5lpXc14dM3KHYEJsFVtAlQH3hJ+GjL7svBPnIWzpf/gb1tD\n"
    "Yrm0iyOEhGhwAPPdASbyUso/oAAwCgYIKoZIzj0EAwIDSQAwRgIhALSprO4aLozr\n"
    "yXn4M7E3ty1YazYUfaLmnfpueRfgKvn0AiEA6VJBSosvk/w/hkCtoYTFs2iOfXfK\n"
    "PpC8kwhgInK4Ffk=\n"
    "-----END CERTIFICATE REQUEST-----\n";

std::string SubjectOf(const std::string& certificate_pem) {
  BIO* bio = BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  if (certificate == nullptr) return "no certificate";
  char* line = X509_NAME_oneline(X509_get_subject_name(certificate), nullptr, 0);
  std::string subject = line;
  OPENSSL_free(line);
  X509_free(certificate);
  return subject;
}

TEST_F(CertificatesTest, OfASubjectOnlyWhatIsJudgedIsSigned) {
  EXPECT_EQ(NamesOfRequest(kSubjectOfMuch)->common_name, "system:node:n1");
  const auto certificate = authority_.SignRequest(
      kSubjectOfMuch, {.not_before = kNow, .not_after = kNow + 1h, .client = true});
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_EQ(SubjectOf(*certificate), "/O=system:nodes/OU=racks/CN=system:node:n1");
}

TEST_F(CertificatesTest, ANameMayBeLongerThanOpenSslEncodesThem) {
  const std::string name = "skiff:node-services:" + std::string(253, 'n');
  const CertificateOrder order{.common_name = name, .organizations = {std::string(100, 'o')}};
  const auto request = *MakeCertificateRequest(key_.private_pem, order);
  EXPECT_EQ(NamesOfRequest(request)->common_name, name);
  const auto signed_one =
      *authority_.SignRequest(request, {.not_before = kNow, .not_after = kNow + 1h});
  for (const std::string& pem : {signed_one, authority_.Issue(order, kNow)->certificate_pem}) {
    EXPECT_EQ(NamesOfCertificate(pem)->common_name, name);
    EXPECT_EQ(NamesOfCertificate(pem)->organizations, order.organizations);
  }
}

// A P-256 key in the three forms in which tools write it.
constexpr const char* kPkcs8Key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n"
    "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n"
    "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n"
    "-----END PRIVATE KEY-----\n";

TEST_F(CertificatesTest, KeysAreReadInEachForm) {
  const std::string sec1 = WidelyReadKey(kPkcs8Key);
  EXPECT_TRUE(sec1.starts_with("-----BEGIN EC PRIVATE KEY-----")) << sec1;
  EXPECT_EQ(WidelyReadKey(sec1), sec1);
  const std::string with_parameters =
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + sec1;
  for (const std::string& key : {std::string(kPkcs8Key), sec1, with_parameters}) {
    const auto request = MakeCertificateRequest(key, {.common_name = "me"});
    ASSERT_TRUE(request) << key;
    EXPECT_EQ(NamesOfRequest(*request)->common_name, "me");
  }
  EXPECT_EQ(WidelyReadKey("no key"), "no key");
}

}  // namespace
}  // namespace skiff
