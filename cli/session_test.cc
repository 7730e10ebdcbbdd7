#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/json_text.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class SessionTest : public ProgramTest {
 protected:
  SessionTest() {
    std::ofstream(path_) << R"({"current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"as": "bob", "as-uid": "1", "as-groups": ["a", "b"],
                                         "as-user-extra": {"k": ["v", "w"], "l": ["x"]}}}]})";
  }
  ~SessionTest() override { std::filesystem::remove(path_); }
  // What a request says of whom it asks as.
  std::string AsksAs(std::vector<std::string> flags) {
    std::string asked;
    server_ = [&](const http::Request& request) {
      for (const auto& [name, value] : request.headers) {
        if (Lower(name).starts_with("impersonate-")) asked += Lower(name) + "=" + value + " ";
      }
      return http::Response();
    };
    flags.insert(flags.end(), {"--raw", "/x", "--kubeconfig=" + path_});
    EXPECT_EQ(Run("get", flags), 0) << err_;
    return asked;
  }
  const std::string path_ = testing::TempDir() + "session-" + std::to_string(getpid());
};

// As client-go merges them.
TEST_F(SessionTest, FlagsSayWhomToAskAsInsteadOfTheConfiguration) {
  EXPECT_EQ(AsksAs({}),
            "impersonate-extra-k=v impersonate-extra-k=w impersonate-extra-l=x "
            "impersonate-group=a impersonate-group=b impersonate-uid=1 impersonate-user=bob ");
  EXPECT_EQ(AsksAs({"--as=eve", "--as-group=c", "--as-user-extra=k=y", "--as-user-extra=m=z"}),
            "impersonate-extra-k=y impersonate-extra-l=x impersonate-extra-m=z "
            "impersonate-group=c impersonate-uid=1 impersonate-user=eve ");
}

// Who has no kubeconfig means this machine's cluster; whoever says another one gets nothing of it.
TEST_F(SessionTest, TheClusterOfThisMachineIsMeantWhereNothingElseIs) {
  variables_ = {{"KUBECONFIG", ""}, {"KUBERNETES_SERVICE_HOST", ""}};
  kubeconfig_here_ = path_;
  const auto asked = [&](std::vector<std::string> flags) {
    connected_.clear();
    flags.insert(flags.end(), {"--raw", "/x"});
    Run("get", flags);
    return connected_.empty() ? err_ : connected_.back();
  };
  EXPECT_EQ(asked({}), "http://127.0.0.1:1");
  EXPECT_EQ(asked({"--server=http://127.0.0.1:2"}), "http://127.0.0.1:2");
  EXPECT_EQ(asked({"--user=u"}), "error: auth info \"u\" does not exist\n");
  EXPECT_THAT(asked({"--context=c"}), testing::HasSubstr("context was not found"));
  variables_["KUBECONFIG"] = "/nonexistent/kubeconfig";
  EXPECT_EQ(asked({}), "http://localhost:8080");
  variables_["KUBECONFIG"] = "";
  kubeconfig_here_ = "/nonexistent/kubeconfig";
  EXPECT_EQ(asked({}), "http://localhost:8080");
}

// What a transport says where no server answers.
http::Response NobodyThere(const http::Request&) {
  http::Response response;
  response.status = 503;
  response.body = R"({"kind": "Status", "status": "Failure", "code": 503,
      "reason": "ServiceUnavailable", "message": "Unable to connect to the server )"
                  R"(http://localhost:8080: dial tcp 127.0.0.1:8080: connect: )"
                  R"(connection refused"})";
  return response;
}

// kubectl's line comes first; what to do about it is said where nobody named a cluster.
TEST_F(SessionTest, WhatBringsAClusterIsSaidWhereNoneAnswersAndNoneIsNamed) {
  server_ = NobodyThere;
  const std::string refused =
      "The connection to the server localhost:8080 was refused - did you specify the right host or "
      "port?\n";
  variables_ = {{"KUBECONFIG", ""}, {"KUBERNETES_SERVICE_HOST", ""}};
  const auto said = [&](const std::vector<std::string>& args) {
    EXPECT_EQ(Run("get", args), 1);
    return err_;
  };
  EXPECT_EQ(said({"--raw", "/x"}), refused);  // As kubectl, which knows of no cluster here.
  kubeconfig_here_ = "/nonexistent/kubeconfig";
  EXPECT_EQ(said({"--raw", "/x"}),
            refused +
                "No kubeconfig names a cluster, and /nonexistent/kubeconfig is not there: "
                "`skiff up` makes one. Of one made with --data-dir: export "
                "KUBECONFIG=DIRECTORY/admin.kubeconfig\n");
  EXPECT_EQ(said({"--raw", "/x", "--server=http://localhost:8080"}), refused);
  kubeconfig_here_ = path_;
  EXPECT_EQ(said({"--raw", "/x"}),
            refused + "It is the cluster that was made on this machine: `skiff status` says how it "
                      "is, and what to do.\n");
  EXPECT_EQ(said({"--raw", "/x", "--kubeconfig=" + path_}), refused);
  how_to_start_ = [this](const std::string& kubeconfig, const std::string&) {
    return kubeconfig == path_ ? "It does not run: `skiff up` starts it." : "";
  };
  EXPECT_EQ(said({"--raw", "/x", "--kubeconfig=" + path_}),
            refused + "It does not run: `skiff up` starts it.\n");
  EXPECT_EQ(said({"--raw", "/x", "--kubeconfig=" + path_, "--server=http://localhost:8080"}),
            refused);
  variables_["KUBECONFIG"] = "/nonexistent/of-before";
  EXPECT_EQ(said({"--raw", "/x"}),
            refused +
                "KUBECONFIG=/nonexistent/of-before names a file that does not exist: unset "
                "it, and this machine's cluster is meant\n");
  EXPECT_EQ(said({"--raw", "/x", "--server=http://localhost:8080"}), refused);
  variables_["KUBECONFIG"] = "/dev/null";
  EXPECT_THAT(said({"--raw", "/x"}), testing::HasSubstr("names a file that names no cluster:"));
  kubeconfig_here_ = "/nonexistent/kubeconfig";
  variables_["KUBECONFIG"] = "/dev/null:/nonexistent";
  EXPECT_EQ(said({"--raw", "/x"}), refused +
                                       "KUBECONFIG=/dev/null:/nonexistent names files that "
                                       "name no cluster: unset it, or set it anew\n");
  kubeconfig_here_ = path_;
  const std::string other = path_ + ".other";
  std::ofstream(other) << "clusters: [{name: c, cluster: {server: 'http://localhost:8080'}}]\n"
                          "contexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c\n";
  variables_["KUBECONFIG"] = other;
  EXPECT_EQ(said({"--raw", "/x"}),
            refused + "That is the address in KUBECONFIG=" + other +
                ". The cluster that was made on this machine has http://127.0.0.1:1 in its "
                "kubeconfig: export KUBECONFIG=" +
                path_ + "\n");
  EXPECT_EQ(said({"--raw", "/x", "--kubeconfig=" + other}), refused) << "who names it knows it";
  std::filesystem::remove(other);
}

// Who takes the variable away follows another file, or the cluster around.
TEST_F(SessionTest, AVariableThatNamesNothingIsNotTakenAwayWhereThatMeansAnotherCluster) {
  const std::string home = path_ + ".home";
  std::filesystem::create_directories(home + "/.kube");
  kubeconfig_here_ = path_;
  variables_ = {{"KUBECONFIG", "/dev/null"}, {"KUBERNETES_SERVICE_HOST", ""}, {"HOME", home}};
  server_ = NobodyThere;
  const std::string unset = ": unset it, and this machine's cluster is meant\n";
  const std::string set = ": export KUBECONFIG=" + path_ + " means this machine's cluster\n";
  const auto said = [&] {
    EXPECT_EQ(Run("get", {"--raw", "/x"}), 1);
    return err_;
  };
  EXPECT_THAT(said(), testing::EndsWith(unset));
  variables_["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  EXPECT_THAT(said(), testing::EndsWith(set));
  variables_["KUBERNETES_SERVICE_HOST"] = "";
  std::filesystem::copy_file(path_, home + "/.kube/config");
  EXPECT_THAT(said(), testing::EndsWith(set));
  std::filesystem::remove_all(home);
}

}  // namespace
}  // namespace skiff::cli
