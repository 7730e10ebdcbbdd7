// Credential plugins: shell scripts of a test.
#include "client/exec_credential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kAnswer[] =
    R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":)";

class ExecCredentialTest : public testing::Test {
 protected:
  ExecCredentialTest() { std::filesystem::create_directories(directory_); }
  ~ExecCredentialTest() override { std::filesystem::remove_all(directory_); }

  // A program that keeps what it was told, counts its runs, and answers that.
  ExecPlugin Plugin(const std::string& answer) {
    const std::string path = directory_ + "/plugin";
    std::ofstream(path) << "#!/bin/sh\necho run >> " << directory_ << "/runs\n"
                        << "echo \"$KUBERNETES_EXEC_INFO|$EXTRA|$*\" > " << directory_
                        << "/told\ncat <<'END'\n"
                        << answer << "\nEND\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    ExecPlugin plugin;
    plugin.api_version = "client.authentication.k8s.io/v1";
    plugin.command = path;
    plugin.interactive_mode = "Never";
    return plugin;
  }
  static Result<Credentials> Asked(const ExecPlugin& plugin) {
    return TRY(MakeExecCredentials(plugin))->Get();
  }
  std::string RefusalOf(const std::string& answer) {
    const auto given = Asked(Plugin(answer));
    return given ? "" : given.error().message;
  }
  std::string Kept(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(directory_ + "/" + name).rdbuf();
    return text.str();
  }
  size_t Runs() const { return Kept("runs").size() / 4; }

  const std::string directory_ = testing::TempDir() + "skiff-exec-" + std::to_string(getpid());
};

TEST_F(ExecCredentialTest, AProgramIsToldWhatIsWantedAndGivesAToken) {
  ExecPlugin plugin = Plugin(std::string(kAnswer) + R"({"token":"secret"}})");
  plugin.args = {"get", "token"};
  plugin.environment = {{"EXTRA", "more"}};
  plugin.cluster = {{"server", "https://s:1"}};
  const auto given = Asked(plugin);
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ(given->token, "secret");
  EXPECT_EQ(Kept("told"),
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
            R"("spec":{"interactive":false}}|more|get token)"
            "\n");
  plugin.provide_cluster_info = true;
  ASSERT_TRUE(Asked(plugin));
  EXPECT_THAT(Kept("told"), HasSubstr(R"("spec":{"cluster":{"server":"https://s:1"},)"));
}

TEST_F(ExecCredentialTest, WhatItGaveHoldsUntilItExpiresOrIsRefused) {
  const auto kept =
      MakeExecCredentials(Plugin(std::string(kAnswer) + R"({"token":"a","expirationTimestamp":)"
                                                        R"("2999-01-01T00:00:00Z"}})"));
  ASSERT_TRUE((*kept)->Get());
  ASSERT_TRUE((*kept)->Get());
  EXPECT_EQ(Runs(), 1u);
  (*kept)->Refused({.token = "another"});
  ASSERT_TRUE((*kept)->Get());
  EXPECT_EQ(Runs(), 1u) << "these were not refused";
  (*kept)->Refused({.token = "a"});
  ASSERT_TRUE((*kept)->Get());
  EXPECT_EQ(Runs(), 2u);
  const auto expired =
      MakeExecCredentials(Plugin(std::string(kAnswer) + R"({"token":"a","expirationTimestamp":)"
                                                        R"("2001-01-01T00:00:00Z"}})"));
  ASSERT_TRUE((*expired)->Get());
  ASSERT_TRUE((*expired)->Get());
  EXPECT_EQ(Runs(), 4u);
}

TEST_F(ExecCredentialTest, WhatIsNoAnswerIsSaidInClientGosWords) {
  EXPECT_THAT(RefusalOf("no json"),
              StartsWith("decoding stdout: couldn't get version/kind; json parse error: "));
  EXPECT_EQ(RefusalOf(R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"Pod"})"),
            "decoding stdout: it is no ExecCredential of client.authentication.k8s.io/v1");
  EXPECT_EQ(RefusalOf(R"({"apiVersion":"client.authentication.k8s.io/v1beta1",)"
                      R"("kind":"ExecCredential","status":{"token":"a"}})"),
            "exec plugin is configured to use API version client.authentication.k8s.io/v1, plugin "
            "returned version client.authentication.k8s.io/v1beta1");
  EXPECT_EQ(RefusalOf(std::string(kAnswer) + "null}"), "exec plugin didn't return a status field");
  EXPECT_EQ(RefusalOf(std::string(kAnswer) + "{}}"),
            "exec plugin didn't return a token or cert/key pair");
  EXPECT_EQ(RefusalOf(std::string(kAnswer) + R"({"clientKeyData":"k"}})"),
            "exec plugin returned only certificate or key, not both");
}

TEST_F(ExecCredentialTest, AProgramThatFailsOrIsNotThereIsNamed) {
  ExecPlugin plugin = Plugin("");
  plugin.command = "/bin/false";
  EXPECT_EQ(Asked(plugin).error().message, "exec: executable /bin/false failed with exit code 1");
  plugin.command = "skiff-no-such-plugin";
  plugin.install_hint = "Get it there.";
  const std::string text = Asked(plugin).error().message;
  EXPECT_THAT(text, StartsWith("exec: executable skiff-no-such-plugin not found\n\nIt looks like"));
  EXPECT_THAT(text, testing::EndsWith("#client-go-credential-plugins\n\nGet it there."));
  plugin.api_version = "v9";
  EXPECT_EQ(Asked(plugin).error().message, "exec plugin: invalid apiVersion \"v9\"");
}

TEST_F(ExecCredentialTest, WhichProgramsMayRunIsTheUsersToSay) {
  ExecPlugin plugin = Plugin(std::string(kAnswer) + R"({"token":"a"}})");
  plugin.policy = {ExecPolicy::Kind::kAllowlist, {plugin.command}};
  EXPECT_TRUE(Asked(plugin));
  plugin.policy.allowlist = {"other"};
  EXPECT_EQ(Asked(plugin).error().message, "plugin path \"" + plugin.command +
                                               "\" is not permitted by the credential plugin "
                                               "allowlist");
  plugin.policy.kind = ExecPolicy::Kind::kDenyAll;
  EXPECT_THAT(Asked(plugin).error().message, HasSubstr("not allowed: policy set to \"DenyAll\""));
}

TEST_F(ExecCredentialTest, WhatIsMissingInItIsListed) {
  const auto problems = [](const char* text) {
    return ExecPlugin::FromJson(Json::parse(text), "/d").Problems("u");
  };
  EXPECT_THAT(problems("{}"),
              ElementsAre("command must be specified for u to use exec authentication plugin",
                          "apiVersion must be specified for u to use exec authentication plugin",
                          "interactiveMode must be specified for u to use exec authentication "
                          "plugin"));
  EXPECT_THAT(problems(R"({"command":"c","apiVersion":"client.authentication.k8s.io/v1beta1"})"),
              ElementsAre())
      << "the older version had no such field";
  EXPECT_THAT(problems(R"({"command":"c","apiVersion":"v","interactiveMode":"Some",)"
                       R"("env":[{"value":"x"}]})"),
              ElementsAre("env variable name must be specified for u to use exec authentication "
                          "plugin",
                          "invalid interactiveMode for u: \"Some\""));
  EXPECT_EQ(ExecPlugin::FromJson(Json::parse(R"({"command":"bin/x"})"), "/d").command, "/d/bin/x");
}

}  // namespace
}  // namespace skiff
