#include "client/kubeconfig.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace skiff {
namespace {

constexpr const char* kText = R"(apiVersion: v1
kind: Config
clusters:
- name: one
  cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: Q0E=}
users:
- name: admin
  user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}
- name: file
  user: {tokenFile: token}
contexts:
- name: admin@one
  context: {cluster: one, user: admin, namespace: work}
- name: file@one
  context: {cluster: one, user: file}
- name: lost
  context: {cluster: gone, user: admin}
current-context: admin@one
)";

class KubeconfigTest : public testing::Test {
 protected:
  KubeconfigTest() {
    std::string name = testing::TempDir() + "kubeconfig.XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~KubeconfigTest() override { std::filesystem::remove_all(directory_); }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }
  std::string directory_;
};

TEST_F(KubeconfigTest, TheCurrentContextSaysWhereAndWho) {
  const auto config = Kubeconfig::Parse(kText, "/etc");
  ASSERT_TRUE(config) << config.error().message;
  const auto options = config->Options();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->server, "https://10.0.0.1:6443");
  EXPECT_EQ(options->certificate_authority, "CA");
  EXPECT_EQ(options->client_certificate, "CERT");
  EXPECT_EQ(options->client_key, "KEY");
  EXPECT_EQ(config->Namespace(), "work");
  EXPECT_EQ(config->Namespace("file@one"), "default");
}

TEST_F(KubeconfigTest, PathsAreTakenFromTheDirectoryOfTheFile) {
  const auto config = Kubeconfig::Load(Write("config", kText));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->users.at("file").token_file, directory_ + "/token");
}

TEST_F(KubeconfigTest, WhatIsMissingIsNamed) {
  const auto config = Kubeconfig::Parse(kText, "/");
  EXPECT_EQ(config->Options("nobody").error().message, "context \"nobody\" does not exist");
  EXPECT_EQ(config->Options("lost").error().message, "cluster \"gone\" does not exist");
}

TEST_F(KubeconfigTest, WhomAUserAsksAsIsRead) {
  const auto config = Kubeconfig::Parse(
      "users: [{name: u, user: {as: bob, as-uid: '7', as-groups: [a, b], as-user-extra: {k: [v, "
      "w]}}}]",
      "/");
  ASSERT_TRUE(config);
  const auto& user = config->users.at("u");
  EXPECT_EQ(user.as.user, "bob");
  EXPECT_EQ(user.as.uid, "7");
  EXPECT_EQ(user.as.groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(user.as.extra.at("k"), (std::vector<std::string>{"v", "w"}));
}

TEST_F(KubeconfigTest, WhoAsksAsAnotherSaysSoInEachRequest) {
  std::string text = kText;
  text.replace(text.find("client-key-data: S0VZ"), 21, "as: bob, as-groups: [a, b]");
  const auto options = Kubeconfig::Parse(text, "/")->Options();
  ASSERT_TRUE(options) << options.error().message;
  const http::Headers expected = {
      {"Impersonate-User", "bob"}, {"Impersonate-Group", "a"}, {"Impersonate-Group", "b"}};
  EXPECT_EQ(options->impersonation, expected);
}

TEST_F(KubeconfigTest, WhatWouldBeIgnoredIsRefused) {
  const auto of = [](const std::string& from, const std::string& to) {
    std::string changed = kText;
    changed.replace(changed.find(from), from.size(), to);
    const auto config = Kubeconfig::Parse(changed, "/");
    const auto options = config->Options();
    return options ? "" : options.error().message;
  };
  EXPECT_EQ(of("client-key-data: S0VZ", "auth-provider: {name: gcp}"),
            "auth info \"admin\" has its credentials from auth-provider, which is not supported: "
            "give a token, or a client certificate");
  EXPECT_EQ(of("client-key-data: S0VZ", "exec: null"), "");
  EXPECT_EQ(of("client-key-data: S0VZ", "as-groups: [system:masters]"),
            "requesting uid, groups or user-extra for admin without impersonating a user");
}

TEST_F(KubeconfigTest, AClusterMaySayByWhichProxyItIsReached) {
  const auto options_of = [](const std::string& proxy) {
    std::string changed = kText;
    const std::string from = "certificate-authority-data: Q0E=";
    changed.replace(changed.find(from), from.size(), "proxy-url: '" + proxy + "'");
    const auto config = Kubeconfig::Parse(changed, "/");
    EXPECT_NE(config->ToYaml().find("proxy-url: "), std::string::npos);
    return config->Options();
  };
  EXPECT_EQ(options_of("socks5://me:pw@p")->proxy_url, "socks5://me:pw@p");
  EXPECT_EQ(options_of("p:3128").error().message,
            "invalid 'proxy-url' \"p:3128\" for cluster \"one\": unsupported scheme \"p\", must "
            "be http, https, or socks5");
}

TEST_F(KubeconfigTest, AFileThatHoldsNoCertificateIsNamed) {
  const std::string bad = Write("bad.crt", "no PEM");
  for (const char* from :
       {"certificate-authority-data: Q0E=", "client-certificate-data: Q0VSVA=="}) {
    const std::string whole = from;
    std::string text = kText;
    const std::string named = whole.substr(0, whole.find("-data")) + ": " + bad;
    text.replace(text.find(whole), whole.size(), named);
    const auto options = Kubeconfig::Parse(text, "/")->Options();
    ASSERT_FALSE(options) << from;
    EXPECT_EQ(options.error().message, bad + ": no certificate, in PEM, is in it");
  }
}

TEST_F(KubeconfigTest, AFileThatCannotBeReadIsNotTakenForNone) {
  EXPECT_EQ(
      LoadKubeconfig("", directory_, "").error().message,
      "error loading config file \"" + directory_ + "\": read " + directory_ + ": is a directory");
  const std::string bad = Write("bad", "{");
  EXPECT_TRUE(LoadKubeconfig("", bad, "")
                  .error()
                  .message.starts_with("error loading config file \"" + bad + "\": yaml: "));
  if (geteuid() == 0 && setegid(65534) == 0 && seteuid(65534) == 0) {
    const std::string secret = "/etc/shadow";
    const auto refused = LoadKubeconfig("", secret, "");
    EXPECT_EQ(seteuid(0), 0);
    EXPECT_EQ(setegid(0), 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "error loading config file \"/etc/shadow\": open /etc/shadow: permission denied");
  }
}

TEST_F(KubeconfigTest, AnotherVersionOrKindIsNotTakenForOurs) {
  EXPECT_TRUE(Kubeconfig::Parse("apiVersion: v1\nkind: Config", "/"));
  EXPECT_TRUE(Kubeconfig::Parse("current-context: c", "/"));
  const std::string later = Write("later", "apiVersion: v9\nkind: Config\n");
  EXPECT_EQ(LoadKubeconfig(later, "", "").error().message,
            "error loading config file \"" + later +
                "\": no kind \"Config\" is registered for version \"v9\" in scheme "
                "\"pkg/runtime/scheme.go:111\"");
  EXPECT_EQ(Kubeconfig::Parse("kind: Pod", "/").error().message,
            "no kind \"Pod\" is registered for version \"v1\" in scheme "
            "\"pkg/runtime/scheme.go:111\"");
}

TEST_F(KubeconfigTest, OfSeveralFilesTheFirstWins) {
  const std::string first = Write("first", kText);
  std::string other = kText;
  other.replace(other.find("10.0.0.1"), 8, "10.0.0.9");
  other.replace(other.find("current-context: admin@one"), 26, "current-context: file@one");
  const std::string second = Write("second", other);
  const auto config =
      LoadKubeconfig("", second + ":" + directory_ + "/missing:" + first, "/nowhere");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->clusters.at("one").server, "https://10.0.0.9:6443");
  EXPECT_EQ(config->current_context, "file@one");
}

}  // namespace
}  // namespace skiff
