// Whose a certificate is, when authorities signed it by way of others.
#include "apiserver/auth/client_certificates.h"

#include <gtest/gtest.h>

#include <string>

#include "base/certificates.h"
#include "base/test_certificates.h"

namespace skiff {
namespace {

// An authority, one that it signed, and the certificate of ann for clients that this one signed.
const std::string kRoot = R"(-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUP2ynqPcsNS4xffzM+tuNk+bIglYwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEcm9vdDAgFw0yNjExMjExNjMxNTNaGA8yMTI2MTAyODE2MzE1
M1owDzENMAsGA1UEAwwEcm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLNz
/MHOHbc63RkSJWfvn01e03wa9ICjISEoHDltO2brSBSEDuD9qYFx8hHrfckVS9+N
yaEPOV7lmYyaZXts3e6jUzBRMB0GA1UdDgQWBBQwpfYjkggrdC6zQhQMA7odIWnu
gzAfBgNVHSMEGDAWgBQwpfYjkggrdC6zQhQMA7odIWnugzAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCifQTSR9hfGzVC9kZfc9wZQrvqbpV4hNNY
Ly21hVZ0nwIgJyOT0VpQhkjPb9ymM++vRpU0Z4A9Lzhjt3+nsv0TfQk=
-----END CERTIFICATE-----
)";
const std::string kBetween = R"(-----BEGIN CERTIFICATE-----
MIIBhDCCASqgAwIBAgIUDeWSBWfC2Vh5x2BBAfeb4PCfYOkwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEcm9vdDAgFw0yNjExMjExNjMxNTNaGA8yMTI2MTAyODE2MzE1
M1owDjEMMAoGA1UEAwwDbWlkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDlir
nS+D/5wBsHtXVhG4Ge384Z+wQtMpit9EVxogifSqcOGLh6S6gYTGJc1mLTh9c42K
NsT6kjxSLFUHLZCnw6NjMGEwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMC
AgQwHQYDVR0OBBYEFOnqiW4smVH3oOKc/z3mJUMRP6BkMB8GA1UdIwQYMBaAFDCl
9iOSCCt0LrNCFAwDuh0hae6DMAoGCCqGSM49BAMCA0gAMEUCIQDIAPjzFuS66rPu
ISpop1/R5VofC9d71W7oDflM1KjhrgIgNYDCVErGLjXq1vaS5IRwrUUJ/0/w6mZe
SWL2IwT/WVQ=
-----END CERTIFICATE-----
)";
const std::string kAnn = R"(-----BEGIN CERTIFICATE-----
MIIBkzCCATmgAwIBAgIUIvVkL4H99k4QSn6elycbuxFPX70wCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDbWlkMCAXDTI2MTEyMTE2MzE1M1oYDzIxMjYxMDI4MTYzMTUz
WjAdMQ0wCwYDVQQKDAR0ZWFtMQwwCgYDVQQDDANhbm4wWTATBgcqhkjOPQIBBggq
hkjOPQMBBwNCAATYgoFabcMpq29rjAYXhD/MfBJVw28EmzZ/IRq/ldK2cOtyKnOs
eD/oCB9vguHDnab1cxcfvwO0SSsneTqOqJtIo2QwYjATBgNVHSUEDDAKBggrBgEF
BQcDAjALBgNVHQ8EBAMCB4AwHQYDVR0OBBYEFCBTOuY8CjiYbigVFbNU+amvLGmU
MB8GA1UdIwQYMBaAFOnqiW4smVH3oOKc/z3mJUMRP6BkMAoGCCqGSM49BAMCA0gA
MEUCIQDHHzpddJukq+/zIhytygsRZnqYRb0a0MWGmY/6kGUe4gIgfgnrlVm0GY3V
fiaJNMkTlFaNTENJEMDpvIX3Ty0lb40=
-----END CERTIFICATE-----
)";

// An authority, and what it signed by way of SHA-1.
const std::string kOld = R"(-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUf5cnJBFYwnnNHZpgSHEwjpjwxJwwCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDb2xkMCAXDTI2MTEyODAyMTgwNVoYDzIxMjYxMTA0MDIxODA1
WjAOMQwwCgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQyaMqy
y69TtkhgiiYyIIsDVAnRCSidgkogOcTnI317hUXqS7QFLLDpTvzS00PE9p/BYW+V
qYkJ756nOybkWB0Po1MwUTAdBgNVHQ4EFgQUeBDPm3y25oOq97+7WCcFRHr01K4w
HwYDVR0jBBgwFoAUeBDPm3y25oOq97+7WCcFRHr01K4wDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiEArec1lYl58EI/LAR1zGwtebtJZD/fuH5tSMMY
aS1g95ICIHegwbFtX62pM8wUfDSs8HkQFPB7aM6BScJpRb5y/HMJ
-----END CERTIFICATE-----
)";
const std::string kBySha1 = R"(-----BEGIN CERTIFICATE-----
MIIBdjCCARygAwIBAgIUUfYcdiuo+61S/bVBPBp515WUd9cwCQYHKoZIzj0EATAO
MQwwCgYDVQQDDANvbGQwIBcNMjYxMTI4MDIxODA1WhgPMjEyNjExMDQwMjE4MDVa
MA4xDDAKBgNVBAMMA2FubjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMmtPoFw
5OSZ6A/cyBcdagtcCv9CGuvqr/asT2e1hi+OGBZRXbo79ZkqBYo9Dr4ZQkqoHmFX
5hF4Tf31/OCuRkKjVzBVMBMGA1UdJQQMMAoGCCsGAQUFBwMCMB0GA1UdDgQWBBSf
LDQ5UpXwQbJmNy/X1ivfK4LKVDAfBgNVHSMEGDAWgBR4EM+bfLbmg6r3v7tYJwVE
evTUrjAJBgcqhkjOPQQBA0kAMEYCIQDNi9KT9rPqjExJoaNIO35C2Tf/m3sDY6n7
d9H+k/XQPgIhAIxhuH6OwtR22aka4Jh+vQLkXHA5fdXr7GJT3gfyId+p
-----END CERTIFICATE-----
)";

// All of the above are good.
constexpr TimePoint kNow(1'800'000'000s);

TEST(ClientCertificates, OneWithoutAnEndIsGoodNow) {
  const auto holder = ClientCertificates({}).HolderOf(kEndless, kNow);
  ASSERT_NE(holder, nullptr);
  EXPECT_EQ(holder->user.name, "ever");
  EXPECT_TRUE(holder->IsGoodAt(holder->not_before + 24h * 365 * 100));
  EXPECT_FALSE(holder->IsGoodAt(holder->not_before - 1s));
}

TEST(ClientCertificates, AnAuthorityMaySignByWayOfAnother) {
  ClientCertificates of_users({.client_ca_pem = kRoot, .proxy_ca_pem = kRoot});
  const auto shown = of_users.HolderOf(kAnn + kBetween, kNow);
  ASSERT_NE(shown, nullptr);
  EXPECT_EQ(shown->user.name, "ann");
  EXPECT_TRUE(shown->is_client);
  EXPECT_TRUE(shown->is_proxy);
  const auto alone = of_users.HolderOf(kAnn, kNow);
  ASSERT_NE(alone, nullptr);
  EXPECT_FALSE(alone->is_client) << "nobody says who signed it";
}

TEST(ClientCertificates, WhatIsSentIsJudgedAsWhatAHandshakeShowed) {
  ClientCertificates certificates({.client_ca_pem = kRoot});
  const auto sent = certificates.HolderOfSent(kAnn + kBetween, kNow);
  ASSERT_NE(sent, nullptr);
  EXPECT_EQ(sent->user.name, "ann");
  EXPECT_TRUE(sent->is_client);
  EXPECT_EQ(sent->user_until, certificates.HolderOf(kAnn + kBetween, kNow)->user_until);
  EXPECT_FALSE(certificates.HolderOfSent(kAnn, kNow)->is_client);
  EXPECT_EQ(certificates.HolderOfSent("none", kNow), nullptr);
  EXPECT_NE(certificates.HolderOfSent(kAnn, kNow), certificates.HolderOfSent(kAnn, kNow))
      << "anybody may send any number of them";
}

TEST(ClientCertificates, WhereNobodySignsUsersNoneIsSent) {
  ClientCertificates of_nobody({}), of_proxies({.proxy_ca_pem = kRoot});
  EXPECT_TRUE(of_nobody.HolderOf(kAnn + kBetween, kNow)->is_client) << "a handshake decided";
  EXPECT_FALSE(of_nobody.HolderOfSent(kAnn + kBetween, kNow)->is_client);
  EXPECT_FALSE(of_proxies.HolderOfSent(kAnn + kBetween, kNow)->is_client);
}

TEST(ClientCertificates, WhatIsShownIsNotTrustedForThat) {
  const auto other = CertificateAuthority::Create("other", TimePoint(1'700'000'000s));
  ASSERT_TRUE(other);
  ClientCertificates certificates(
      {.client_ca_pem = other->pem().certificate_pem, .proxy_ca_pem = kRoot});
  const auto shown = certificates.HolderOf(kAnn + kBetween + kRoot, kNow);
  ASSERT_NE(shown, nullptr);
  EXPECT_FALSE(shown->is_client);
  EXPECT_TRUE(shown->is_proxy);
}

TEST(ClientCertificates, WhatIsSentIsNoWeakerThanHandshakesTakeIt) {
  ClientCertificates certificates({.client_ca_pem = kOld});
  EXPECT_FALSE(certificates.HolderOfSent(kBySha1, kNow)->is_client);
  EXPECT_TRUE(certificates.HolderOf(kBySha1, kNow)->is_client) << "a handshake decided";
}

TEST(ClientCertificates, AnAuthorityThatIsReplacedCountsNoMore) {
  const auto other = CertificateAuthority::Create("other", TimePoint(1'700'000'000s));
  ASSERT_TRUE(other);
  ClientCertificates certificates({.client_ca_pem = kRoot});
  EXPECT_TRUE(certificates.HolderOf(kAnn + kBetween, kNow)->is_client);
  ASSERT_TRUE(certificates.Use({.client_ca_pem = other->pem().certificate_pem}));
  EXPECT_FALSE(certificates.HolderOf(kAnn + kBetween, kNow)->is_client);
  ASSERT_TRUE(certificates.Use({.client_ca_pem = other->pem().certificate_pem + kRoot}));
  EXPECT_TRUE(certificates.HolderOf(kAnn + kBetween, kNow)->is_client);
  EXPECT_FALSE(certificates.Use({.client_ca_pem = "none"}));
  EXPECT_FALSE(certificates.Use({.client_ca_pem = kRoot, .proxy_ca_pem = "none"}));
  const std::string half = kRoot.substr(0, kRoot.size() / 2);
  const std::string& theirs = other->pem().certificate_pem;
  EXPECT_FALSE(certificates.Use({.client_ca_pem = theirs + half})) << "it is being written";
  EXPECT_FALSE(certificates.Use({.client_ca_pem = theirs, .proxy_ca_pem = theirs + half + kRoot}));
  EXPECT_TRUE(certificates.HolderOf(kAnn + kBetween, kNow)->is_client);
}

TEST(ClientCertificates, ItsAuthorityMayEndBeforeItDoes) {
  const auto made = CertificateAuthority::Create("ends", kNow);
  ASSERT_TRUE(made);
  const auto leaf =
      made->Issue({.common_name = "ann", .client = true, .lifetime = 2 * kAuthorityLifetime}, kNow);
  ASSERT_TRUE(leaf);
  ClientCertificates certificates({.client_ca_pem = made->pem().certificate_pem});
  const auto at = [&](TimePoint now) {
    return certificates.HolderOf(leaf->certificate_pem, now)->is_client;
  };
  EXPECT_TRUE(at(kNow));
  EXPECT_FALSE(at(kNow + kAuthorityLifetime + 1h));
  EXPECT_TRUE(at(kNow)) << "the clock was wrong for a while";
  EXPECT_FALSE(at(kNow - 1h));
}

TEST(ClientCertificates, AnAuthorityBehindWhatIsNoBase64Counts) {
  std::string broken = kRoot;
  broken.replace(broken.find('\n') + 1, 1, "!");
  ClientCertificates certificates({});
  ASSERT_TRUE(certificates.Use({.client_ca_pem = broken + kRoot, .proxy_ca_pem = {}}));
  EXPECT_TRUE(certificates.HolderOf(kAnn + kBetween, kNow)->is_client);
}

TEST(ClientCertificates, ThatOneOfTwoAuthoritiesDidNotSignIsNotKept) {
  const auto users = CertificateAuthority::Create("users", kNow + 1h);
  const auto leaf = users->Issue({.common_name = "ann", .client = true}, kNow);
  const std::string proxies = CertificateAuthority::Create("proxies", kNow)->pem().certificate_pem;
  const std::string both = users->pem().certificate_pem;
  ClientCertificates certificates({.client_ca_pem = both, .proxy_ca_pem = proxies + both});
  EXPECT_FALSE(certificates.HolderOf(leaf->certificate_pem, kNow)->is_client);
  const auto later = certificates.HolderOf(leaf->certificate_pem, kNow + 2h);
  EXPECT_TRUE(later->is_client);
  ClientCertificates apart({.client_ca_pem = both, .proxy_ca_pem = proxies});
  const auto known = apart.HolderOf(leaf->certificate_pem, kNow + 2h);
  EXPECT_TRUE(known->is_client);
  EXPECT_FALSE(known->is_proxy);
  EXPECT_EQ(apart.HolderOf(leaf->certificate_pem, kNow + 2h + 1s), known);
  const auto again = apart.HolderOf(leaf->certificate_pem, kNow + 2h + 2min);
  EXPECT_NE(again, known) << "its clock may have been wrong";
  EXPECT_TRUE(again->is_client);
  EXPECT_EQ(again->user_until, known->user_until);
}

// Whoever is nobody may ask as often as others do.
TEST(ClientCertificates, ThatSomebodyIsNobodyIsFoundOutOnce) {
  const auto other = CertificateAuthority::Create("other", kNow);
  ASSERT_TRUE(other);
  ClientCertificates certificates({.client_ca_pem = other->pem().certificate_pem});
  const auto nobody = certificates.HolderOf(kAnn + kBetween, kNow);
  ASSERT_NE(nobody, nullptr);
  EXPECT_FALSE(nobody->is_client);
  EXPECT_EQ(certificates.HolderOf(kAnn + kBetween, kNow + 1s), nobody);
  EXPECT_NE(certificates.HolderOf(kAnn + kBetween, kNow + 2min), nobody);
  ASSERT_TRUE(certificates.Use({.client_ca_pem = kRoot}));
  EXPECT_TRUE(certificates.HolderOf(kAnn + kBetween, kNow + 2min)->is_client);
}

}  // namespace
}  // namespace skiff
