#include "kubelet/registry_credentials.h"

#include <gtest/gtest.h>

#include "api/codec/base64.h"

namespace skiff::kubelet {
namespace {

core_v1::Secret SecretOf(const std::string& text, bool is_json = true) {
  core_v1::Secret secret;
  secret.metadata.name = "pull";
  secret.type = is_json ? "kubernetes.io/dockerconfigjson" : "kubernetes.io/dockercfg";
  secret.data[is_json ? ".dockerconfigjson" : ".dockercfg"] = text;
  return secret;
}

// The users of what is tried for an image, where each registry has one of its own name.
std::string Users(const std::vector<std::string>& registries, const std::string& image) {
  RegistryCredentials credentials;
  for (const std::string& registry : registries) {
    const std::string text =
        R"({"auths": {")" + registry + R"(": {"username": ")" + registry + R"("}}})";
    EXPECT_TRUE(credentials.Add(SecretOf(text)));
  }
  std::string users;
  for (const auto& auth : credentials.For(image)) {
    users += (users.empty() ? "" : " ") + auth.username;
  }
  return users;
}

TEST(RegistryCredentialsTest, AreThoseOfTheImagesRegistry) {
  EXPECT_EQ(Users({"quay.io", "gcr.io"}, "quay.io/app:1"), "quay.io");
  EXPECT_EQ(Users({"https://quay.io/v2/"}, "quay.io/app@sha256:00"), "https://quay.io/v2/");
  EXPECT_EQ(Users({"quay.io"}, "registry.example.com/quay.io/app"), "");
  EXPECT_EQ(Users({"registry:5000"}, "registry:5000/app"), "registry:5000");
  EXPECT_EQ(Users({"registry:5000"}, "registry:5001/app"), "");
  EXPECT_EQ(Users({"registry"}, "registry:5000/app"), "");
}

TEST(RegistryCredentialsTest, AnImageWithoutARegistryIsDockerHubs) {
  const std::string hub = "https://index.docker.io/v1/";
  EXPECT_EQ(Users({hub}, "nginx"), hub);
  EXPECT_EQ(Users({hub}, "user/app:1"), hub);
  EXPECT_EQ(Users({"docker.io"}, "docker.io/library/nginx"), "docker.io");
  EXPECT_EQ(Users({hub}, "localhost/app"), "");
  EXPECT_EQ(Users({"quay.io"}, "nginx"), "");
}

TEST(RegistryCredentialsTest, TheMostSpecificIsTriedFirst) {
  EXPECT_EQ(Users({"quay.io", "quay.io/coreos", "quay.io/other"}, "quay.io/coreos/etcd"),
            "quay.io/coreos quay.io");
}

TEST(RegistryCredentialsTest, StarsStandForPartsOfAHost) {
  EXPECT_EQ(Users({"*.example.com"}, "a.example.com/app"), "*.example.com");
  EXPECT_EQ(Users({"*.example.com"}, "a.b.example.com/app"), "");
  EXPECT_EQ(Users({"prefix*.io"}, "prefix1.io/app"), "prefix*.io");
  EXPECT_EQ(Users({"*.example.com"}, "example.com/app"), "");
  // No pattern keeps the kubelet busy.
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "*a";
  EXPECT_EQ(Users({stars + "b.io"}, std::string(250, 'a') + ".io/app"), "");
}

// As many as fit into one: sorted in one by one they would keep the kubelet busy for a minute.
TEST(RegistryCredentialsTest, ASecretMayHaveTensOfThousands) {
  std::string text = R"({"auths": {)";
  for (int i = 0; i < 30'000; ++i) text += "\"" + std::to_string(i) + ".io\": {},";
  text += R"("quay.io": {"username": "a"}, "quay.io/team": {"username": "b"}}})";
  RegistryCredentials credentials;
  ASSERT_TRUE(credentials.Add(SecretOf(text)));
  const auto found = credentials.For("quay.io/team/app");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].username, "b");
  EXPECT_EQ(found[1].username, "a");
}

TEST(RegistryCredentialsTest, OfABrokenSecretThereIsNone) {
  RegistryCredentials credentials;
  ASSERT_TRUE(credentials.Add(SecretOf(R"({"auths": {"quay.io": {"username": "a"}}})")));
  EXPECT_FALSE(
      credentials.Add(SecretOf(R"({"auths": {"quay.io": {"username": "b"}, "z.io": 1}})")));
  const auto found = credentials.For("quay.io/app");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].username, "a");
}

TEST(RegistryCredentialsTest, BothFormsOfSecretsAreRead) {
  const std::string auth = EncodeBase64("me:pass:word");
  RegistryCredentials credentials;
  ASSERT_TRUE(credentials.Add(SecretOf(R"({"quay.io": {"auth": ")" + auth + R"("}})", false)));
  const auto found = credentials.For("quay.io/app");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].username, "me");
  EXPECT_EQ(found[0].password, "pass:word");
}

TEST(RegistryCredentialsTest, WhatIsNoPullSecretIsAnErrorOrHasNone) {
  RegistryCredentials credentials;
  for (const char* text : {"", "{}"}) EXPECT_TRUE(credentials.Add(SecretOf(text))) << text;
  for (const char* text : {"x", "[]", R"({"auths": 1})", R"({"auths": {"a": 1}})",
                           R"({"auths": {"a": {"auth": "?"}}})",
                           R"({"auths": {"a": {"auth": "bm9jb2xvbg=="}}})"}) {
    EXPECT_FALSE(credentials.Add(SecretOf(text))) << text;
  }
  core_v1::Secret opaque = SecretOf(R"({"auths": {"quay.io": {"username": "u"}}})");
  opaque.type = "Opaque";
  EXPECT_TRUE(credentials.Add(opaque));
  EXPECT_TRUE(credentials.For("quay.io/app").empty());
}

TEST(RegistryCredentialsTest, APasswordMayBeAnyBytes) {
  const auto digest = [](const std::string& joined) {
    RegistryCredentials credentials;
    EXPECT_TRUE(credentials.Add(
        SecretOf(R"({"auths": {"quay.io": {"auth": ")" + EncodeBase64(joined) + R"("}}})")));
    return credentials.For("quay.io/app").at(0).secret.hash;
  };
  EXPECT_NE(digest("u:\xff"), digest("u:\xfe"));
  EXPECT_EQ(digest("u:\xff"), digest("u:\xff"));
}

}  // namespace
}  // namespace skiff::kubelet
