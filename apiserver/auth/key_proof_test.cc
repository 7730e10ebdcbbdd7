#include "apiserver/auth/key_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/auth/test_proof_keys.h"
#include "base/hash.h"

namespace skiff {
namespace {

using testing::HasSubstr;

constexpr TimePoint kSigned(1'700'000'000s);

// Of Ed25519, and what its key made of SignedText("https://here:6443", "1.2.3").
const std::string kEdwards = R"(-----BEGIN CERTIFICATE-----
MIIBNDCB56ADAgECAhQNZ38MSaVbTgigJnOLYx+NiHmcvTAFBgMrZXAwDzENMAsG
A1UEAwwEamFuZTAgFw0yNjExMjgwMjMwNDNaGA8yMTI2MTEwNDAyMzA0M1owDzEN
MAsGA1UEAwwEamFuZTAqMAUGAytlcAMhACcy+lsYTjMVE23WyNjDm88CkQILmWhi
KtWabA/zLhLXo1MwUTAdBgNVHQ4EFgQUHvoIOVxlEub1JSsdDaNlYIcBK04wHwYD
VR0jBBgwFoAUHvoIOVxlEub1JSsdDaNlYIcBK04wDwYDVR0TAQH/BAUwAwEB/zAF
BgMrZXADQQBNoNKKfruWf4AZN1y/+J9mycgJDBNxL6bnJTJhkB7a2Plca+6bTMYi
QqhRX6AXbGUWRkHnNxCxC7coqFJlsYMA
-----END CERTIFICATE-----
)";
constexpr char kByEdwards[] =
    "g-rN9KvXyHMbMmtEI6agd6feC4O5_9ceGibUHo2rKhExEYorPpZ6IWgIGlWPcsnSMxoQla6oD6M1MTkASmbQAA";

// Of an RSA key of 8,201 bits, and of one whose exponent has 33.
const std::string kLongKey = R"(-----BEGIN CERTIFICATE-----
MIIE0jCCBHgCAQEwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCY2EwIBcNMjYxMTI4
MDM1NDQ5WhgPMjEyNjExMDQwMzU0NDlaMA8xDTALBgNVBAMMBGphbmUwggQjMA0G
CSqGSIb3DQEBAQUAA4IEEAAwggQLAoIEAgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQIDAQAB
MAoGCCqGSM49BAMCA0gAMEUCIQCBVRgqqC1xxrutdAUXjU0KkGUkbf460g8DdZnf
8fnTtwIgazQiCMaWuwOm2cW6eqyCzuG+ECblwQcLri1k1aBXbeg=
-----END CERTIFICATE-----
)";
const std::string kLongExponent = R"(-----BEGIN CERTIFICATE-----
MIIB0jCCAXkCAQEwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCY2EwIBcNMjYxMTI4
MDM1NDQ5WhgPMjEyNjExMDQwMzU0NDlaMA8xDTALBgNVBAMMBGphbmUwggEkMA0G
CSqGSIb3DQEBAQUAA4IBEQAwggEMAoIBAQDWovkeOxoR31h/0oA7q2w5jYg0in7t
jRTwbT/vcBlmoMOB6I84wMj9hxK4vAdvN4e50XngbA/U9fgTDEI3cw7fr71n+WGW
mc/hmIrZ8GwUSgJbQT+KmgIepkin3QaDnrkFtubjB9S+3FFDEZPmw/M5GiuPH/H9
QqKXVdTBOpApMc1EfjW4ttj+RC49Q3IE5S2yIhpYAIoFpsRkcVnDJMmFm4EOdm7J
0oZjyoKN1fSzsuSwbOYHQceofOQsghgHLow1v5ktyenGFmEudpamzswbeOUQYXMR
2KPCzm9EftTVex4v64lBTDQ8ECfE0cOGu8TNYT4w2PFq35G3WEoiZbH1AgUBAAAA
ATAKBggqhkjOPQQDAgNHADBEAiApN/U8RVfx5xRNGXRiIGP9JjusvfiTbAmIg3Lc
/6wj/QIgK2lCH4I027CE1NuejAq7ahiYZghbwS/yENxRQgGAZdE=
-----END CERTIFICATE-----
)";

class KeyProofTest : public testing::Test {
 protected:
  KeyProof Of(const ProofKey& key, const EVP_MD* digest) {
    const std::string certificate =
        key.CertificateOf(users_, {.common_name = "jane"},
                          {.not_before = kSigned, .not_after = kSigned + 1h, .client = true});
    return {certificate, text_, key.Sign(text_, digest)};
  }
  const CertificateAuthority users_ = *CertificateAuthority::Create("users", kSigned);
  const std::string text_ = SignedText("https://here:6443", "1.2.3");
};

TEST_F(KeyProofTest, EachKindOfKeySignsInItsWay) {
  EXPECT_TRUE(CheckProof(Of(ProofKey("RSA"), EVP_sha256())));
  EXPECT_TRUE(CheckProof(Of(ProofKey("P-256"), EVP_sha256())));
  EXPECT_TRUE(CheckProof(Of(ProofKey("P-384"), EVP_sha384())));
  EXPECT_TRUE(CheckProof(Of(ProofKey("P-521"), EVP_sha512())));
  EXPECT_TRUE(CheckProof({kEdwards, text_, *FromBase64Url(kByEdwards)}));
  EXPECT_FALSE(CheckProof({kEdwards, text_ + "4", *FromBase64Url(kByEdwards)}));
}

TEST_F(KeyProofTest, AnotherKeyOrTextOrFormIsNoProof) {
  for (const char* kind : {"RSA", "P-256"}) {
    const ProofKey key(kind);
    const KeyProof good = Of(key, EVP_sha256());
    ASSERT_TRUE(CheckProof(good)) << kind;
    KeyProof wrong = good;
    wrong.signature = ProofKey(kind).Sign(text_, EVP_sha256());
    EXPECT_EQ(CheckProof(wrong).error().reason, Reason::kUnauthorized) << kind;
    for (const auto& text : {SignedText("https://there:6443", "1.2.3"),
                             SignedText("https://here:6443", "1.2.4"), std::string("1.2.3")}) {
      wrong = good;
      wrong.text = text;
      EXPECT_FALSE(CheckProof(wrong)) << kind << " " << text;
    }
    wrong = good;
    wrong.signature = key.Sign(text_, EVP_sha384());
    EXPECT_FALSE(CheckProof(wrong)) << kind;
    for (const auto& bytes : {std::string(), good.signature.substr(1), good.signature + "x",
                              std::string(good.signature.size(), '\0')}) {
      wrong.signature = bytes;
      EXPECT_FALSE(CheckProof(wrong)) << kind << " " << bytes.size();
    }
  }
}

TEST_F(KeyProofTest, KeysThatAreWeakOrSlowAreRefusedBeforeTheyAreAsked) {
  const auto why = [&](const ProofKey& key) {
    return CheckProof(Of(key, EVP_sha256())).error().message;
  };
  EXPECT_THAT(why(ProofKey("RSA", 1024)), HasSubstr("another one"));
  EXPECT_THAT(why(ProofKey("secp256k1")), HasSubstr("another one"));
  for (const std::string& slow : {kLongKey, kLongExponent}) {
    EXPECT_THAT(CheckProof({slow, text_, "x"}).error().message, HasSubstr("another one"));
  }
}

TEST_F(KeyProofTest, TheOthersAreNotReadBeforeTheKeyHasSigned) {
  KeyProof proof = Of(ProofKey("P-256"), EVP_sha256());
  proof.certificate_pem += "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_TRUE(CheckProof(proof));
}

TEST_F(KeyProofTest, WhatIsNoCertificateIsSaidToBeNone) {
  for (const char* text :
       {"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}) {
    EXPECT_EQ(CheckProof({text, text_, "x"}).error().reason, Reason::kInvalid) << text;
  }
}

}  // namespace
}  // namespace skiff
