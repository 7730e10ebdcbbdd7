#include "client/kubeconfig.h"

#include <gtest/gtest.h>

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
