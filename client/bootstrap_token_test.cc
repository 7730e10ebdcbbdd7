#include "client/bootstrap_token.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

BootstrapSecret TokenOf(const std::string& text) {
  BootstrapSecret token{.token = *BootstrapToken::Parse(text)};
  token.may_authenticate = true;
  token.groups = {std::string(kDefaultNodeTokenGroup)};
  return token;
}

TEST(BootstrapTokenTest, OnlySixAndSixteenLowerCaseCharactersAreAToken) {
  const auto token = BootstrapToken::Parse("abc123.0123456789abcdef");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->id, "abc123");
  EXPECT_EQ(token->secret, "0123456789abcdef");
  for (const char* text :
       {"", "abc123", "abc123.", "abc123.0123456789abcde", "Abc123.0123456789abcdef",
        "abc12.00123456789abcdef", "abc123.0123456789abcdef ", "abc123-0123456789abcdef"}) {
    EXPECT_FALSE(BootstrapToken::Parse(text)) << text;
  }
}

TEST(BootstrapTokenTest, GeneratedTokensAreTokensAndDiffer) {
  SeededRandom random(1);
  const auto first = BootstrapToken::Generate(random);
  EXPECT_TRUE(BootstrapToken::Parse(first.Text()));
  EXPECT_NE(first.Text(), BootstrapToken::Generate(random).Text());
}

TEST(BootstrapTokenTest, ASecretSaysWhatItWasMadeOf) {
  BootstrapSecret token = TokenOf("abc123.0123456789abcdef");
  token.expiration = TimePoint(std::chrono::seconds(1'700'000'000));
  token.description = "for the shelf";
  const auto secret = MakeBootstrapSecret(token);
  EXPECT_EQ(secret.metadata.name, "bootstrap-token-abc123");
  EXPECT_EQ(secret.data.at("expiration"), "2023-11-14T22:13:20Z");
  const auto read = ReadBootstrapSecret(secret);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->token.Text(), "abc123.0123456789abcdef");
  EXPECT_TRUE(read->may_authenticate);
  EXPECT_FALSE(read->may_sign);
  EXPECT_EQ(read->groups, token.groups);
  EXPECT_EQ(read->description, "for the shelf");
  EXPECT_FALSE(read->IsExpired(*token.expiration - 1s));
  EXPECT_TRUE(read->IsExpired(*token.expiration));
}

TEST(BootstrapTokenTest, ASecretThatIsWrongIsNoToken) {
  const auto good = MakeBootstrapSecret(TokenOf("abc123.0123456789abcdef"));
  const auto refused = [&](auto change) {
    auto secret = good;
    change(secret);
    return !ReadBootstrapSecret(secret).has_value();
  };
  EXPECT_TRUE(refused([](auto& it) { it.type = "Opaque"; }));
  EXPECT_TRUE(refused([](auto& it) { it.metadata.name = "bootstrap-token-other1"; }));
  EXPECT_TRUE(refused([](auto& it) { it.data["token-id"] = "abc12"; }));
  EXPECT_TRUE(refused([](auto& it) { it.data["token-secret"] = ""; }));
  EXPECT_TRUE(refused([](auto& it) { it.data["expiration"] = "tomorrow"; }));
  EXPECT_TRUE(refused([](auto& it) { it.data["auth-extra-groups"] = "system:masters"; }));
  EXPECT_FALSE(refused([](auto&) {}));
}

TEST(BootstrapTokenTest, ASecretThatNobodyCouldPresentCanSign) {
  auto secret = MakeBootstrapSecret(TokenOf("abc123.0123456789abcdef"));
  secret.data["token-secret"] = "tokenSecret";
  const auto read = ReadBootstrapSecret(secret);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->token.secret, "tokenSecret");
  EXPECT_FALSE(BootstrapToken::Parse(read->token.Text()));
}

TEST(BootstrapTokenTest, ASignatureIsADetachedJws) {
  // The signature was made with `openssl dgst -sha256 -hmac`.
  const auto token = *BootstrapToken::Parse("abc123.0123456789abcdef");
  const std::string signature = SignClusterInfo(token, "content");
  EXPECT_EQ(
      signature,
      "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiYzEyMyJ9..7oCFrXcpAH_H3GoUdZ2uArNQEm3j2B71c5dq02k-Erg");
  EXPECT_NE(signature,
            SignClusterInfo(*BootstrapToken::Parse("abc123.0123456789abcdee"), "content"));
}

}  // namespace
}  // namespace skiff
