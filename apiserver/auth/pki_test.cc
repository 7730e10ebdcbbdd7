#include "apiserver/auth/pki.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "apiserver/auth/jwt.h"

namespace skiff {
namespace {

const TimePoint kNow{1'700'000'000s};

class PkiTest : public testing::Test {
 protected:
  ~PkiTest() override { std::filesystem::remove_all(directory_); }
  const std::string directory_ =
      testing::TempDir() + "/apiserver-pki-" + std::to_string(::getpid());
};

TEST_F(PkiTest, KeepsItsAuthorityAndItsFreshLeaves) {
  const CertificateOrder order{
      .common_name = "kube-apiserver", .ip_addresses = {"127.0.0.1"}, .server = true};
  std::string authority;
  {
    auto pki = *Pki::Open(directory_, kNow);
    EXPECT_TRUE(*pki.EnsureLeaf("apiserver", order, kNow));
    authority = pki.authority().pem().certificate_pem;
  }
  auto pki = *Pki::Open(directory_, kNow);
  EXPECT_EQ(pki.authority().pem().certificate_pem, authority);
  EXPECT_FALSE(*pki.EnsureLeaf("apiserver", order, kNow + 24h * 100));
}

// A new one would sign what nobody trusts who trusts the old one.
TEST_F(PkiTest, HalfOfAnAuthorityIsNotReplaced) {
  ASSERT_TRUE(Pki::Open(directory_, kNow)->EnsureLeaf("apiserver", {.common_name = "a"}, kNow));
  for (const std::string name : {"/ca.key", "/ca.crt"}) {
    const std::string path = directory_ + name;
    std::filesystem::rename(path, path + ".away");
    const auto opened = Pki::Open(directory_, kNow);
    ASSERT_FALSE(opened) << name;
    EXPECT_EQ(opened.error().message,
              path + " is missing, and the certificates in " + directory_ +
                  " are signed with it: put it back, or remove that directory to begin anew");
    EXPECT_FALSE(std::filesystem::exists(path));
    std::filesystem::rename(path + ".away", path);
  }
  EXPECT_TRUE(Pki::Open(directory_, kNow));
}

// The key is written before the certificate.
TEST_F(PkiTest, AnInterruptedBeginningIsBegunAnew) {
  std::filesystem::create_directories(directory_);
  ASSERT_TRUE(WriteWholeFile(directory_ + "/ca.key", "torn", 0600));
  EXPECT_TRUE(Pki::Open(directory_, kNow));
}

// As a machine has it that began with a clock ahead of the time.
TEST_F(PkiTest, RenewsALeafThatIsYetToBegin) {
  auto pki = *Pki::Open(directory_, kNow);
  const CertificateOrder order{.common_name = "kube-apiserver", .server = true};
  ASSERT_TRUE(*pki.EnsureLeaf("apiserver", order, kNow + 24h));
  EXPECT_TRUE(*pki.EnsureLeaf("apiserver", order, kNow));
  const auto validity = ValidityOf(*ReadWholeFile(pki.Path("apiserver.crt")));
  EXPECT_LE(validity->not_before, kNow);
  EXPECT_FALSE(*pki.EnsureLeaf("apiserver", order, kNow));
}

TEST_F(PkiTest, RenewsALeafNearItsEndOrWithOtherNames) {
  auto pki = *Pki::Open(directory_, kNow);
  CertificateOrder order{.common_name = "kube-apiserver", .server = true};
  ASSERT_TRUE(*pki.EnsureLeaf("apiserver", order, kNow));
  EXPECT_TRUE(*pki.EnsureLeaf("apiserver", order, kNow + 24h * 300));
  order.dns_names = {"example.com"};
  EXPECT_TRUE(*pki.EnsureLeaf("apiserver", order, kNow + 24h * 300));
  const auto expiry = ExpiryOf(*ReadWholeFile(pki.Path("apiserver.crt")));
  EXPECT_EQ(*expiry, kNow + 24h * 300 + kLeafLifetime);
}

// Who holds a certificate of the cluster's own authority must not be able to speak for others.
TEST_F(PkiTest, TheFrontProxyHasAnAuthorityOfItsOwn) {
  const auto pki = *Pki::Open(directory_, kNow);
  EXPECT_TRUE(*EnsureFrontProxy(directory_, kNow));
  EXPECT_FALSE(*EnsureFrontProxy(directory_, kNow)) << "a second start finds it";
  const auto authority = *ReadWholeFile(pki.Path("front-proxy-ca.crt"));
  EXPECT_NE(authority, pki.authority().pem().certificate_pem);
  EXPECT_EQ(NamesOfCertificate(authority)->common_name, "front-proxy-ca");
  EXPECT_EQ(NamesOfCertificate(*ReadWholeFile(pki.Path("front-proxy-client.crt")))->common_name,
            "front-proxy-client");
  std::filesystem::remove(pki.Path("front-proxy-ca.key"));
  EXPECT_FALSE(EnsureFrontProxy(directory_, kNow)) << "servers behind it know the old one";
  EXPECT_TRUE(Pki::Open(directory_, kNow)) << "the cluster's own is another matter";
}

TEST_F(PkiTest, AKeyOfTokensThatIsThereIsKept) {
  auto pki = *Pki::Open(directory_, kNow);
  ASSERT_TRUE(pki.EnsureServiceAccountKey(KeyKind::kP256));
  const std::string key = *ReadWholeFile(pki.Path("sa.key"));
  const std::string pub = *ReadWholeFile(pki.Path("sa.pub"));
  std::filesystem::remove(pki.Path("sa.pub"));
  ASSERT_TRUE(pki.EnsureServiceAccountKey(KeyKind::kP256));
  EXPECT_EQ(*ReadWholeFile(pki.Path("sa.key")), key);
  EXPECT_EQ(*ReadWholeFile(pki.Path("sa.pub")), pub);
}

TEST_F(PkiTest, TokensVerifyByTheKeyThatSignedThem) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kRsa2048}) {
    const auto pair = *NewSigningKey(kind);
    const auto keys = *TokenKey::FromPem(pair.private_pem);
    const auto publics = *TokenKey::FromPem(pair.public_pem);
    const std::string token = *SignToken(keys[0], {{"sub", "me"}});
    ASSERT_TRUE(VerifyToken(publics, token).has_value());
    EXPECT_EQ((*VerifyToken(publics, token))["sub"], "me");
    std::string forged = token;
    forged[token.find('.') + 3] ^= 1;
    EXPECT_FALSE(VerifyToken(publics, forged).has_value());
    const auto others = *TokenKey::FromPem(NewSigningKey(kind)->public_pem);
    EXPECT_FALSE(VerifyToken(others, token).has_value());
  }
}

TEST_F(PkiTest, ASecretFollowsFromTheKeyHoweverThatWasWritten) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kRsa2048}) {
    const auto pair = *NewSigningKey(kind);
    const auto of = [](const std::string& pem, const char* purpose) {
      return TokenKey::FromPem(pem)->front().SecretFor(purpose);
    };
    const auto secret = of(pair.private_pem, "a");
    ASSERT_TRUE(secret);
    EXPECT_EQ(secret->size(), 32u);
    EXPECT_EQ(*of(*RewrittenKey(pair.private_pem), "a"), *secret) << "as PKCS 8";
    EXPECT_NE(*of(pair.private_pem, "b"), *secret);
    EXPECT_NE(*of(NewSigningKey(kind)->private_pem, "a"), *secret);
    EXPECT_FALSE(of(pair.public_pem, "a")) << "who has the public half knows nothing";
  }
}

}  // namespace
}  // namespace skiff
