#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/certificates.h"
#include "base/pem.h"
#include "proxy/ingress/ingress_plan.h"
#include "proxy/ingress/ingress_test_objects.h"

namespace skiff::ingress {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

core_v1::Secret SecretOf(const std::string& certificate, const std::string& key) {
  core_v1::Secret secret;
  secret.data["tls.crt"] = certificate;
  secret.data["tls.key"] = key;
  return secret;
}

TEST(TlsSecretTest, GivesCertificateAndKeyAndNothingElse) {
  const TimePoint now = SystemClock().Now();
  const auto authority = *CertificateAuthority::Create("ca", now);
  const KeyPair first = *authority.Issue(
      {.common_name = "A.com", .dns_names = {"*.A.com", "no_host"}, .server = true}, now);
  const KeyPair other = *authority.Issue({.common_name = "b.com", .server = true}, now);
  const auto found = TlsCertificateOf(SecretOf(first.certificate_pem, first.key_pem));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->pem, JoinPem(first.certificate_pem, *RewrittenKey(first.key_pem)));
  EXPECT_THAT(found->names, ElementsAre("*.a.com", "a.com"));
  // A key among the certificates would be taken for the one that counts, and so would a second one.
  const auto mixed = TlsCertificateOf(SecretOf("words\n" + other.key_pem + first.certificate_pem,
                                               "words\n" + first.key_pem + other.key_pem));
  ASSERT_TRUE(mixed) << mixed.error().message;
  EXPECT_EQ(*mixed, *found);
}

// HAProxy would ask for it, refuse, and with that all that anybody has.
TEST(TlsSecretTest, NoKeyIsReadWithAnEmptyPassPhrase) {
  const auto found = TlsCertificateOf(SecretOf(kPassPhraseCertificate, kPassPhraseKey));
  ASSERT_FALSE(found) << found->pem;
  EXPECT_EQ(found.error().message, "it has no private key in tls.key that can be used");
}

// Some readers end at a NUL, and others do not.
TEST(TlsSecretTest, NothingOfTheTextAroundAKeyIsPassedOn) {
  const TimePoint now = SystemClock().Now();
  const auto authority = *CertificateAuthority::Create("ca", now);
  const KeyPair pair = *authority.Issue({.common_name = "a.com", .server = true}, now);
  std::string key = pair.key_pem;
  key.insert(key.find('\n') + 1, "X-Note: one\n\n");
  for (const std::string& text :
       {pair.key_pem, std::string("words\n\0more\n", 12) + pair.key_pem + "words", key}) {
    const auto found = TlsCertificateOf(SecretOf(pair.certificate_pem, text));
    if (!found) continue;
    EXPECT_EQ(found->pem, JoinPem(pair.certificate_pem, *RewrittenKey(pair.key_pem)));
  }
}

// Whoever says hello would have the proxy sign by it.
TEST(TlsSecretTest, AKeyOfRsaIsOfSomeLengthAtMost) {
  const TimePoint now = SystemClock().Now();
  const auto authority = *CertificateAuthority::Create("ca", now);
  const SigningKeyPair key = *NewSigningKey(KeyKind::kRsa2048);
  const auto certificate = authority.SignRequest(
      *MakeCertificateRequest(key.private_pem, {.common_name = "a.com", .dns_names = {"a.com"}}),
      {.not_before = now - 5min, .not_after = now + 1h});
  ASSERT_TRUE(certificate) << certificate.error().message;
  const core_v1::Secret secret = SecretOf(*certificate, key.private_pem);
  EXPECT_TRUE(TlsCertificateOf(secret));
  const auto refused = TlsCertificateOf(secret, 2047);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("its key of RSA has 2048 bits"));
}

TEST(TlsSecretTest, SaysWhatIsWrongWithOne) {
  const TimePoint now = SystemClock().Now();
  const auto authority = *CertificateAuthority::Create("ca", now);
  const KeyPair first = *authority.Issue({.common_name = "a.com", .server = true}, now);
  const KeyPair other = *authority.Issue({.common_name = "b.com", .server = true}, now);
  const auto error = [](const core_v1::Secret& secret) {
    const auto found = TlsCertificateOf(secret);
    return found ? "none" : found.error().message;
  };
  EXPECT_EQ(error(core_v1::Secret()), "it has no certificate in tls.crt");
  EXPECT_EQ(error(SecretOf("rubbish", first.key_pem)), "it has no certificate in tls.crt");
  const std::string no_key = "it has no private key in tls.key that can be used";
  EXPECT_EQ(error(SecretOf(first.certificate_pem, "")), no_key);
  EXPECT_EQ(error(SecretOf(first.certificate_pem, first.key_pem.substr(0, 80))), no_key);
  EXPECT_EQ(error(SecretOf(first.certificate_pem, other.key_pem)),
            "tls: private key does not match public key");
  std::string long_chain;
  while (long_chain.size() <= kCertificateBytesMax) long_chain += first.certificate_pem;
  EXPECT_EQ(error(SecretOf(long_chain, first.key_pem)),
            "its certificates and key have more than 100 KiB");
}

}  // namespace
}  // namespace skiff::ingress
