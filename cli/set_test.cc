// `set`, and what it says of what cannot be set.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/json_text.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kDeployment[] = R"({"apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "web", "namespace": "default"},
  "spec": {"template": {"spec": {
    "initContainers": [{"name": "prepare", "image": "p:1"}],
    "containers": [{"name": "main", "image": "m:1", "resources": {"limits": {"cpu": "1500m"}},
      "env": [{"name": "A", "value": "1"},
              {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
              {"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
              {"name": "D", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "none"}}},
              {"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}]}}}})";

// A server with a deployment "web"; keeps what is sent to it.
class SetTest : public ProgramTest {
 protected:
  SetTest() {
    const auto answers = ServerOf(
        "apps", {{"deployments", "Deployment"}},
        {{"/apis/apps/v1/namespaces/default/deployments/web", kDeployment},
         {"/api/v1/namespaces/default/configmaps/settings", R"({"data": {"color": "blue"}})"},
         {"/api/v1/namespaces/default/secrets/keys", R"({"data": {"user": "eA=="}})"}});
    server_ = [this, answers](const http::Request& request) {
      if (request.method == "PATCH") {
        sent_ = Json::parse(request.body, nullptr, false);
        http::Response response;
        response.status = refusal_.empty() ? 200 : 422;
        response.body = refusal_.empty() ? kDeployment : refusal_;
        return response;
      }
      return answers(request);
    };
  }
  Json PodSpecSent() const { return At(sent_, "spec", "template", "spec"); }

  Json sent_;
  std::string refusal_;
};

TEST_F(SetTest, AVariableIsNotBothSetAndTakenAway) {
  EXPECT_EQ(Run("set", {"env", "deploy/web", "A=1", "A-"}), 1);
  EXPECT_EQ(err_,
            "error: can not both modify and remove the same environment variable in the same "
            "command\n");
  EXPECT_TRUE(sent_.is_null());
}

TEST_F(SetTest, OfANameThatComesTwiceTheFirstValueCounts) {
  EXPECT_EQ(Run("set", {"env", "deploy/web", "N=1", "N=2", "-c", "ma*"}), 0) << err_;
  const Json container = At(PodSpecSent(), "containers").at(0);
  EXPECT_EQ(At(container, "env"), Json::parse(R"([{"name": "N", "value": "1"}])"));
}

TEST_F(SetTest, AValueTakesThePlaceOfAReference) {
  EXPECT_EQ(Run("set", {"env", "deploy/web", "B=x", "A-", "-c", "main"}), 0) << err_;
  EXPECT_EQ(At(At(PodSpecSent(), "containers").at(0), "env"),
            Json::parse(R"([{"name": "B", "value": "x", "valueFrom": null},
                            {"$patch": "delete", "name": "A"}])"));
}

TEST_F(SetTest, VariablesComeFromStandardInputToo) {
  input_ = "N=1 # the first\nno variable\nM=\n";
  EXPECT_EQ(Run("set", {"env", "deploy/web", "-", "-c", "prepare"}), 0) << err_;
  EXPECT_EQ(At(At(PodSpecSent(), "initContainers").at(0), "env"),
            Json::parse(R"([{"name": "N", "value": "1 "}, {"name": "M"}])"));
}

TEST_F(SetTest, ReferencesAreResolvedWhereThatIsAsked) {
  EXPECT_EQ(Run("set", {"env", "deploy/web", "--list", "--resolve"}), 0) << err_;
  EXPECT_EQ(out_,
            "# Deployment web, container main\nA=1\nB=blue\nC=2\n# D from secret keys, key none\n"
            "E=web\n# Deployment web, container prepare\n");
  EXPECT_EQ(err_, "error retrieving reference for D: key none not found in secret keys\n");
  EXPECT_EQ(Run("set", {"env", "deploy/web", "--list"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("# C from resource field limits.cpu\n"));
}

TEST_F(SetTest, WhatGoesBadlyTogetherIsRefused) {
  EXPECT_EQ(Run("set", {"env", "-f", "-", "-"}), 1);
  EXPECT_EQ(err_, "error: standard input cannot be used for multiple arguments\n");
  EXPECT_EQ(Run("set", {"env", "deploy/web", "--keys=a", "A=1"}), 1);
  EXPECT_THAT(err_, HasSubstr("when specifying --keys, a configmap or secret must be provided"));
  EXPECT_EQ(Run("set", {"image", "deploy/web", "*=a:1", "main=b"}), 1);
  EXPECT_THAT(err_, HasSubstr("all containers are already specified by *"));
  EXPECT_EQ(Run("set", {"env", "deploy/web", "A=2", "--overwrite=false"}), 1);
  EXPECT_EQ(err_, "error: deployments/web 'A' already has a value (1), and --overwrite is false\n");
}

TEST_F(SetTest, WhyTheServerRefusedComesBehindWhatWasTried) {
  refusal_ = R"({"kind": "Status", "status": "Failure", "reason": "Invalid", "code": 422,
                 "message": "Deployment.apps \"web\" is invalid: spec: bad"})";
  EXPECT_EQ(Run("set", {"image", "deploy/web", "main=b"}), 1);
  EXPECT_EQ(err_,
            "error: failed to patch image update to pod template: Deployment.apps \"web\" is "
            "invalid: spec: bad\n");
}

TEST_F(SetTest, AVariableThatIsThereTwiceStaysSo) {
  const std::string file = testing::TempDir() + "skiff-twice-" + std::to_string(getpid());
  std::ofstream(file) << R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "main", "image": "m:1",
      "env": [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}]}]}})";
  EXPECT_EQ(Run("set", {"env", "--local", "-f", file, "--list"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("X=1\nX=2\n"));
  std::filesystem::remove(file);
}

TEST_F(SetTest, ContainersAreMeantByAPattern) {
  EXPECT_EQ(Run("set", {"resources", "deploy/web", "-c", "*", "--requests=cpu=1"}), 0) << err_;
  EXPECT_EQ(At(PodSpecSent(), "containers").size(), 1U);
  EXPECT_EQ(At(PodSpecSent(), "initContainers").size(), 1U);
  EXPECT_EQ(Run("set", {"resources", "deploy/web", "-c", "x*", "--requests=cpu=1"}), 1);
  EXPECT_EQ(err_, "error: unable to find container named x*\n");
}

TEST_F(SetTest, WhoNamesOneMeansItThoughHeSaysAll) {
  EXPECT_EQ(Run("set", {"env", "deploy/web", "--list", "--all"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("# Deployment web, container main\nA=1\n"));
  EXPECT_EQ(Run("set", {"env", "deploy", "web", "--list", "--all"}), 0) << err_;
}

TEST_F(SetTest, ASelectorIsASelector) {
  EXPECT_EQ(Run("set", {"selector", "svc/web", "a-"}), 1);
  EXPECT_THAT(err_, HasSubstr("couldn't parse the selector string \"a-\": "));
  EXPECT_THAT(err_, Not(HasSubstr("Exists")));
}

}  // namespace
}  // namespace skiff::cli
