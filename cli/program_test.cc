#include "cli/program.h"

#include <gtest/gtest.h>

#include "cli/environment.h"

namespace skiff::cli {
namespace {

// An environment without any server.
class ProgramTest : public testing::Test {
 protected:
  int Run(const std::string& verb, const std::vector<std::string>& args) {
    out_.clear();
    err_.clear();
    Environment environment{
        .out = [this](std::string_view text) { out_ += text; },
        .err = [this](std::string_view text) { err_ += text; },
        .read_input = [] { return std::string(); },
        .variable = [](const std::string&) { return std::string("/nowhere"); },
        .connect = [](const HttpsOptions&) -> Result<std::unique_ptr<Transport>> {
          return Fail(Reason::kServiceUnavailable, "no server here");
        },
        .pause = [](Duration) {},
        .clock = clock_};
    return RunCli(environment, verb, args);
  }
  const SystemClock clock_;
  std::string out_;
  std::string err_;
};

TEST_F(ProgramTest, EachVerbTellsItsFlags) {
  for (const std::string& verb : CliVerbs()) {
    EXPECT_EQ(Run(verb, {"--help"}), 0) << verb << ": " << err_;
    EXPECT_NE(out_, "") << verb;
  }
}

TEST_F(ProgramTest, EachVerbOfAFamilyTellsItsFlags) {
  const std::pair<const char*, std::vector<const char*>> families[] = {
      {"apply", {"set-last-applied", "view-last-applied"}},
      {"auth", {"can-i", "whoami"}},
      {"certificate", {"approve", "deny"}},
      {"cluster-info", {"dump"}},
      {"config",
       {"current-context", "delete-cluster", "delete-context", "delete-user", "get-clusters",
        "get-contexts", "get-users", "rename-context", "set", "set-cluster", "set-context",
        "set-credentials", "unset", "use-context", "view"}},
      {"create",
       {"clusterrole", "clusterrolebinding", "configmap", "cronjob", "deployment", "ingress", "job",
        "namespace", "poddisruptionbudget", "priorityclass", "quota", "role", "rolebinding",
        "secret", "service", "serviceaccount", "token"}},
      {"rollout", {"history", "pause", "restart", "resume", "status", "undo"}},
      {"set", {"env", "image", "resources", "selector", "serviceaccount", "subject"}},
      {"top", {"node", "pod"}}};
  for (const auto& [family, verbs] : families) {
    for (const std::string verb : verbs) {
      EXPECT_EQ(Run(family, {verb, "--help"}), 0) << family << " " << verb << ": " << err_;
      EXPECT_NE(out_.find("--kubeconfig"), std::string::npos) << family << " " << verb;
    }
  }
}

TEST_F(ProgramTest, SaysWhatIsWrongWithFlags) {
  EXPECT_EQ(Run("get", {"pods", "--nope"}), 1);
  EXPECT_EQ(err_, "error: unknown flag: --nope\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(Run("get", {"pods", "-Z"}), 1);
  EXPECT_EQ(err_,
            "error: unknown shorthand flag: 'Z' in -Z\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(Run("get", {"pods", "--namespace"}), 1);
  EXPECT_EQ(err_,
            "error: flag needs an argument: --namespace\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(Run("set", {"foo"}), 1);
  EXPECT_EQ(err_, "error: unknown command \"foo\"\nSee 'kubectl set -h' for help and examples\n");
}

}  // namespace
}  // namespace skiff::cli
