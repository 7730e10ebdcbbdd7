// Forms of flags and words from before that scripts still have, and what is told of those that are
// wrong.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class OlderFormsTest : public ObjectsTest {
 protected:
  OlderFormsTest() { Put(std::string(kMaps) + "a", {{"metadata", {{"labels", {{"x", "1"}}}}}}); }
  ~OlderFormsTest() override { std::filesystem::remove(path_); }
  // What is printed with success, and nothing on standard error.
  std::string Quietly(const std::string& verb, std::vector<std::string> args) {
    EXPECT_EQ(Run(verb, args), 0) << err_;
    EXPECT_EQ(err_, "");
    return out_;
  }
  // What is said of a failure.
  std::string Refused(const std::string& verb, std::vector<std::string> args) {
    EXPECT_EQ(Run(verb, args), 1) << out_;
    return err_;
  }
  const std::string path_ = testing::TempDir() + "/older-" + std::to_string(getpid());
};

TEST_F(OlderFormsTest, ADryRunThatIsTrueOrFalseIsOneOfToday) {
  EXPECT_EQ(Run("label", {"cm/a", "y=2", "--dry-run=true"}), 0) << err_;
  EXPECT_EQ(out_, "configmap/a labeled (dry run)\n");
  EXPECT_THAT(err_, HasSubstr("--dry-run=true is deprecated (boolean value) and can be replaced "
                              "with --dry-run=client."));
  EXPECT_EQ(Run("label", {"cm/a", "y=2", "--dry-run"}), 0) << err_;
  EXPECT_THAT(err_,
              HasSubstr("--dry-run is deprecated and can be replaced with --dry-run=client."));
  EXPECT_TRUE(writes_.empty());
  EXPECT_EQ(Run("label", {"cm/a", "y=2", "--dry-run=F"}), 0) << err_;
  EXPECT_EQ(out_, "configmap/a labeled\n");
  EXPECT_EQ(Refused("label", {"cm/a", "y=2", "--dry-run=x"}),
            "error: Invalid dry-run value (x). Must be \"none\", \"server\", or \"client\".\n");
}

TEST_F(OlderFormsTest, ATruthIsAWayToDeleteWhatBelongsToIt) {
  EXPECT_EQ(Run("delete", {"cm/a", "--cascade=1", "--dry-run=client"}), 0) << err_;
  EXPECT_EQ(err_,
            "warning: --cascade=1 is deprecated (boolean value) and can be replaced with "
            "--cascade=background.\n");
  EXPECT_EQ(Run("delete", {"cm/a", "--cascade=F", "--dry-run=client"}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("--cascade=orphan"));
}

TEST_F(OlderFormsTest, AListIsOfTheLabelsAsTheyWouldBe) {
  EXPECT_EQ(Quietly("label", {"cm/a", "y=2", "x-", "--list"}), "y=2\n");
  EXPECT_TRUE(writes_.empty());
  EXPECT_EQ(Refused("label", {"cm/a", "x=2", "--list"}),
            "error: 'x' already has a value (1), and --overwrite is false\n");
  EXPECT_EQ(Refused("annotate", {"cm/a", "--list", "-o", "yaml"}),
            "error: --list and --output may not be specified together\n");
  EXPECT_EQ(Quietly("label", {"cm/a", "none-", "--dry-run=client"}),
            "configmap/a not labeled (dry run)\n")
      << "nothing is looked for";
}

TEST_F(OlderFormsTest, WhatTaintsItCannotUntaint) {
  EXPECT_EQ(Refused("taint", {"node", "n", "a=b:NoSchedule", "a-"}),
            "error: can not both modify and remove the following taint(s) in the same command: "
            "a=\n");
  EXPECT_EQ(Refused("taint", {"nodes", "a=b:NoSchedule"}),
            "error: at least one resource name must be specified since 'all' parameter is not "
            "set\n");
  EXPECT_EQ(Refused("taint", {"node", "n", "a=b:NoSchedule", "m"}),
            "error: all resources must be specified before taint changes: m\n");
}

TEST_F(OlderFormsTest, FlagsThatAreNoneAreToldAsTheyStand) {
  EXPECT_EQ(Refused("get", {"pods", "---x"}),
            "error: bad flag syntax: ---x\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(Refused("get", {"pods", "--=x"}),
            "error: bad flag syntax: --=x\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(Refused("get", {"pods", "-hx"}),
            "error: unknown shorthand flag: 'x' in -x\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(Run("diff", {"-Z"}), 2) << "1 is that there are differences";
  EXPECT_EQ(err_,
            "error: unknown shorthand flag: 'Z' in -Z\nSee 'kubectl diff -h' for help and "
            "examples\n");
  EXPECT_EQ(Refused("create", {"service", "nodeport", "p", "--node-port=x"}),
            "error: invalid argument \"x\" for \"--node-port\" flag: strconv.ParseInt: parsing "
            "\"x\": invalid syntax\nSee 'kubectl create service nodeport --help' for usage.\n");
  EXPECT_EQ(Refused("create", {"service", "clusterip", "--tcp=80"}),
            "error: exactly one NAME is required, got 0\nSee 'kubectl create service clusterip -h' "
            "for help and examples\n");
  EXPECT_EQ(Refused("patch", {"cm/a", "-p", "{}", "--patch-file=x"}),
            "error: cannot specify --patch and --patch-file together\n");
  EXPECT_EQ(Refused("proxy", {"--port=70000"}), "error: listen tcp: address 70000: invalid port\n");
  EXPECT_THAT(Refused("wait", {"--all", "--for=delete"}),
              StartsWith("error: You must provide one or more resources by argument or filename."));
  EXPECT_THAT(Refused("drain", {"--selector="}),
              StartsWith("error: You must provide one or more resources by argument or filename."));
}

TEST_F(OlderFormsTest, RulesOfIngressesAreReadAsFarAsTheyMatter) {
  const auto rule = [&](const std::string& text) {
    return std::vector<std::string>{
        "ingress",          "i",  "--rule=" + text,
        "--dry-run=client", "-o", "jsonpath={.spec.rules[0].http.paths[0].backend.service}"};
  };
  EXPECT_EQ(Quietly("create", rule("h/p=svc:80:x")), "{\"name\":\"svc\",\"port\":{\"number\":80}}");
  EXPECT_EQ(Refused("create", rule("h h/p=svc:80")),
            "error: rule h h/p=svc:80 is invalid and should be in format "
            "host/path=svcname:svcport[,tls[=secret]]\n");
}

TEST_F(OlderFormsTest, FilesOfVariablesMayBeOfOtherSystemsAndNameOnesOfHere) {
  std::ofstream(path_) << "\xef\xbb\xbf"
                       << "A=1\r\nHERE\r\n";
  variables_["HERE"] = "there";
  EXPECT_EQ(Quietly("create", {"cm", "c", "--from-env-file=" + path_, "--dry-run=client", "-o",
                               "jsonpath={.data}"}),
            "{\"A\":\"1\",\"HERE\":\"there\"}");
}

TEST_F(OlderFormsTest, AnExposedPodsServiceHasItsLabels) {
  EXPECT_THAT(Quietly("run", {"r", "--image=a", "--port=80", "--expose", "--labels=a=b",
                              "--dry-run=client", "-o", "jsonpath={.metadata.labels}"}),
              StartsWith("{\"a\":\"b\"}"));
}

TEST_F(OlderFormsTest, WhatWasAppliedIsSetWithoutAnnotationsWhereItHasNone) {
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})";
  EXPECT_EQ(Run("apply", {"set-last-applied", "-f", "-", "--create-annotation"}), 0) << err_;
  EXPECT_EQ(TextAt(objects_.at(std::string(kMaps) + "a"), "metadata", "annotations",
                   "kubectl.kubernetes.io/last-applied-configuration"),
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\","
            "\"namespace\":\"default\"}}\n");
}

TEST_F(OlderFormsTest, ConfigKeepsToKubectlsOrder) {
  const auto config = [&](std::vector<std::string> args) {
    args.push_back("--kubeconfig=" + path_);
    return args;
  };
  Quietly("config", config({"set-context", "c", "--namespace=n"}));
  std::ifstream in(path_);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  EXPECT_THAT(text, HasSubstr("    cluster: \"\"\n    namespace: \"n\"\n    user: \"\"\n"));
  EXPECT_EQ(Refused("config", config({"get-contexts", "-o", "wide"})),
            "error: --output wide is not available in kubectl config get-contexts; resetting to "
            "default output format\n");
  EXPECT_EQ(Refused("config", config({"use-context", ""})),
            "error: empty context names are not allowed\n");
  EXPECT_EQ(Refused("config",
                    config({"set-cluster", "c", "--certificate-authority=/none", "--embed-certs"})),
            "error: could not stat certificate-authority file /none: stat /none: no such file or "
            "directory\n");
  Quietly("config",
          config({"set-cluster", "c", "--certificate-authority=" + path_, "--embed-certs"}));
  Quietly("config", config({"set-cluster", "c", "--insecure-skip-tls-verify"}));
  EXPECT_EQ(Quietly("config", config({"view", "-o", "jsonpath={.clusters[0].cluster}"})),
            "{\"insecure-skip-tls-verify\":true}");
  Quietly("config", config({"set", "preferences.colors", "true"}));
  EXPECT_EQ(Quietly("config", config({"view", "-o", "jsonpath={.preferences}"})),
            "{\"colors\":true}");
}

TEST_F(OlderFormsTest, WhyItWasChangedIsKeptWhereSomebodyAsksForThat) {
  const auto cause = [&] {
    return TextAt(objects_.at(std::string(kMaps) + "a"), "metadata", "annotations",
                  "kubernetes.io/change-cause");
  };
  EXPECT_EQ(Run("label", {"cm/a", "y=2", "--record", "--token=t"}), 0) << err_;
  EXPECT_EQ(err_, "Flag --record has been deprecated, --record will be removed in the future\n");
  EXPECT_EQ(cause(), "kubectl label cm/a y=2 --record=true --token=CLASSIFIED");
  EXPECT_EQ(Run("label", {"cm/a", "z=3", "--record", "--dry-run=client"}), 0) << err_;
  EXPECT_THAT(cause(), HasSubstr("y=2")) << "nothing is kept of what was not done";
  EXPECT_EQ(Refused("delete", {"cm/a", "--record"}),
            "error: unknown flag: --record\nSee 'kubectl delete --help' for usage.\n");
}

TEST_F(OlderFormsTest, WhatCannotBeReadIsToldBeforeAnybodyIsAsked) {
  EXPECT_EQ(Refused("top", {"pods", "-l", "a in ("}),
            "error: unable to parse requirement: found '', expected: ',', ')' or identifier\n");
  EXPECT_EQ(Refused("events", {"--for=pod/a/b"}),
            "error: arguments in resource/name form may not have more than one slash\n");
}

TEST_F(OlderFormsTest, MayIIsAnsweredAsFarAsItWasAsked) {
  EXPECT_EQ(Refused("auth", {"can-i", "get", "/healthz", "--subresource=x"}),
            "error: --subresource can not be used with NonResourceURL\n");
}

}  // namespace
}  // namespace skiff::cli
