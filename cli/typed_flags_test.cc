// Flags and values that go together, and those that do not, of verbs that make and print things.
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

class TypedFlagsTest : public ProgramTest {
 protected:
  TypedFlagsTest() {
    server_ = ServerOf("events.k8s.io", {{"events", "Event"}},
                       {{"/api/v1/namespaces/default/pods/a",
                         R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}})"},
                        {"/api/v1/namespaces/default/events", R"({"items": []})"}});
  }
  // What it says of a create that is not sent.
  std::string Created(std::vector<std::string> args) {
    args.emplace_back("--dry-run=client");
    Run("create", args);
    return out_ + err_;
  }
};

TEST_F(TypedFlagsTest, NamesOfDataAreThoseThatTheServerTakes) {
  EXPECT_THAT(
      Created({"cm", "k", "--from-literal=a b=c"}),
      HasSubstr("error: \"a b\" is not a valid key name for a ConfigMap: a valid config key"));
  EXPECT_THAT(Created({"secret", "generic", "k", "--from-literal=..=c"}),
              HasSubstr("error: \"..\" is not valid key name for a Secret must not be '..'"));
  EXPECT_EQ(Created({"cm", "k", "--from-file=a=b=c"}),
            "error: key names or file paths cannot contain '='\n");
  EXPECT_EQ(Created({"cm", "k", "--from-file=a="}), "error: file path for key name a missing\n");
  EXPECT_EQ(Created({"cm", "k", "--from-env-file=x", "--from-literal=a=b"}),
            "error: from-env-file cannot be combined with from-file or from-literal\n");
}

// As kubectl, which sends what it makes of flags as protobuf.
TEST_F(TypedFlagsTest, DataThatJsonMakesTooLargeForARequestGoesAsProtobuf) {
  const std::string path = testing::TempDir() + "data-" + std::to_string(getpid());
  http::Request sent;
  server_ = [&, inner = server_](const http::Request& request) {
    if (request.method == "POST") sent = request;
    return inner(request);
  };
  for (const size_t size : {500'000, 1'000'000}) {
    std::ofstream(path) << std::string(size, '\0');
    Run("create", {"configmap", "a", "--from-file=k=" + path});
    const auto type = sent.headers.find("Content-Type");
    ASSERT_NE(type, sent.headers.end()) << err_;
    const bool is_large = size == 1'000'000;
    EXPECT_EQ(type->second, is_large ? "application/vnd.kubernetes.protobuf" : "application/json");
    EXPECT_EQ(sent.body.starts_with(std::string_view("k8s\0", 4)), is_large);
    EXPECT_LT(sent.body.size(), 3'145'728u);
  }
  std::filesystem::remove(path);
}

TEST_F(TypedFlagsTest, AProfileThatCannotBeWrittenIsRefusedBeforeAnythingIsDone) {
  for (const char* profile : {"cpu", "heap", "trace"}) {
    EXPECT_EQ(Run("get", {"pod", "a", std::string("--profile=") + profile}), 1);
    EXPECT_THAT(err_, HasSubstr(std::string("error: --profile=") + profile +
                                " cannot be had here: kubectl's profiles are of Go's runtime"));
    EXPECT_EQ(out_, "");
  }
  EXPECT_EQ(Run("get", {"pod", "a", "--profile=nope"}), 1);
  EXPECT_EQ(err_, "error: unknown profile 'nope'\n");
  EXPECT_EQ(Run("get", {"pod", "a", "-o", "name", "--profile=none", "--profile-output=x"}), 0);
  EXPECT_EQ(out_, "pod/a\n") << err_;
}

TEST_F(TypedFlagsTest, ABudgetsSelectorMayHaveExpressions) {
  Run("create", {"pdb", "p", "--selector=a in (b,c),d", "--min-available=1", "--dry-run=client",
                 "-o", "jsonpath={.spec.selector}"});
  EXPECT_EQ(out_, R"({"matchExpressions":[{"key":"a","operator":"In","values":["b","c"]},)"
                  R"({"key":"d","operator":"Exists"}]})")
      << err_;
  EXPECT_THAT(Created({"pdb", "p", "--selector=a=(", "--min-available=1"}),
              HasSubstr("couldn't parse the selector string \"a=(\""));
  EXPECT_THAT(Created({"pdb", "p", "--selector=a=b", "--min-available=-1"}),
              HasSubstr("invalid format specified for min-available"));
}

TEST_F(TypedFlagsTest, VerbsOfRolesAreOfTheirResources) {
  EXPECT_EQ(Created({"role", "r", "--verb=use", "--resource=pods"}),
            "error: can not perform 'use' on 'pods' in group ''\n");
  EXPECT_EQ(Created({"role", "r", "--verb=get", "--resource=pods.apps"}),
            "the server doesn't have a resource type \"pods\" in group \"apps\"\n");
  Run("create", {"role", "r", "--verb=*,get", "--resource=*.apps", "--dry-run=client", "-o",
                 "jsonpath={.rules}"});
  EXPECT_EQ(out_, R"([{"apiGroups":["apps"],"resources":["*"],"verbs":["*"]}])") << err_;
  Run("create", {"clusterrole", "r", "--verb=get", "--non-resource-url=/a,/b", "--dry-run=client",
                 "-o", "jsonpath={.rules}"});
  EXPECT_EQ(out_, R"([{"nonResourceURLs":["/a","/b"],"verbs":["get"]}])") << err_;
  EXPECT_THAT(Created({"clusterrole", "r", "--aggregation-rule=a"}),
              HasSubstr("invalid argument \"a\" for \"--aggregation-rule\" flag: malformed pair"));
}

TEST_F(TypedFlagsTest, WhatCannotBePrintedIsNotMade) {
  EXPECT_EQ(Run("create", {"ns", "n", "-o", "x"}), 1);
  EXPECT_THAT(err_, HasSubstr("unable to match a printer suitable for the output format \"x\""));
  EXPECT_EQ(Run("get", {"pod", "a", "--show-labels", "-o", "name"}), 1);
  EXPECT_EQ(err_, "error: --show-labels option cannot be used with name printer\n");
}

TEST_F(TypedFlagsTest, EachExpressionOfAPathIsAListOfItsOwn) {
  EXPECT_EQ(Run("get", {"pod", "a", "-o", "jsonpath-as-json={.kind}{.metadata.name}"}), 0) << err_;
  EXPECT_EQ(out_, "[\n    \"Pod\"\n]\n[\n    \"a\"\n]\n");
}

TEST_F(TypedFlagsTest, ColumnsBeginBeforeOneOfThemFails) {
  EXPECT_EQ(Run("get", {"pod", "a", "-o", "custom-columns=A:.kind,B:.metadata.name[3]"}), 1);
  EXPECT_THAT(out_, testing::StartsWith("A"));
}

TEST_F(TypedFlagsTest, WhoWantsThePastIsToldWhoShowsIt) {
  program_ = "skiff";
  EXPECT_EQ(Run("describe", {"cm", "x", "--at=5"}), 1);
  EXPECT_EQ(
      err_,
      "error: unknown flag: --at; `skiff get` has it: objects as they were, whole with -o yaml\n"
      "See 'skiff describe --help' for usage.\n");
  EXPECT_EQ(Run("get", {"pods", "--data-dir=/x"}), 1);
  EXPECT_EQ(err_,
            "error: unknown flag: --data-dir; --kubeconfig=DIRECTORY/admin.kubeconfig means the "
            "cluster of a directory\nSee 'skiff get --help' for usage.\n");
}

TEST_F(TypedFlagsTest, AFamilyWithoutAVerbKnowsNoFlags) {
  EXPECT_EQ(Run("rollout", {"--nope"}), 1);
  EXPECT_EQ(err_, "error: unknown flag: --nope\nSee 'kubectl rollout --help' for usage.\n");
  EXPECT_EQ(Run("certificate", {"-Z"}), 1);
  EXPECT_THAT(err_, HasSubstr("unknown shorthand flag: 'Z' in -Z"));
  EXPECT_EQ(Run("config", {"--help"}), 0);
}

TEST_F(TypedFlagsTest, AShortNameOfTwoKindsIsWarnedOf) {
  Run("get", {"ev"});
  EXPECT_THAT(err_, HasSubstr("Warning: short name \"ev\" could also match lower priority resource "
                              "events.events.k8s.io\n"));
  Run("get", {"events"});
  EXPECT_THAT(err_, Not(HasSubstr("Warning")));
}

TEST_F(TypedFlagsTest, AVariableOfAPodHasAName) {
  EXPECT_EQ(Run("run", {"r", "--image=a", "--env=1A=b", "--dry-run=client"}), 1);
  EXPECT_EQ(err_, "error: invalid env: 1A=b\n");
  EXPECT_EQ(Run("run", {"r", "--image=a", "--env=B=1", "--env=A=", "--dry-run=client", "-o",
                        "jsonpath={.spec.containers[0].env}"}),
            0);
  EXPECT_EQ(out_, R"([{"name":"B","value":"1"},{"name":"A"}])") << "in their order";
}

TEST_F(TypedFlagsTest, AValueThatIsWaitedForIsOneAndNotEmpty) {
  EXPECT_EQ(Run("wait", {"pod/a", "--for=jsonpath={.kind}=a=b"}), 1);
  EXPECT_THAT(err_, HasSubstr("jsonpath wait format must be"));
  EXPECT_EQ(Run("wait", {"pod/a", "--for=jsonpath={.kind}=''"}), 1);
  EXPECT_THAT(err_, HasSubstr("jsonpath wait has to have a value after equal sign"));
  EXPECT_EQ(Run("wait", {"pod/a", "--for=jsonpath={.kind}='Pod'"}), 1) << "no list, but a try";
  EXPECT_EQ(Run("wait", {"pod/a", "--for=jsonpath={.kind}=YQ=="}), 1);
  EXPECT_THAT(err_, Not(HasSubstr("jsonpath wait format must be"))) << "two are none that divides";
  EXPECT_EQ(Run("wait", {"pod/a", "--for=jsonpath=.status.x[?(@.type==\"Ready\")].status=True"}),
            1);
  EXPECT_THAT(err_, Not(HasSubstr("jsonpath wait format must be")));
}

TEST_F(TypedFlagsTest, APatternStandsForFilesWhereNoShellHasLooked) {
  const std::string directory = testing::TempDir() + "skiff-typed-" + std::to_string(getpid());
  std::filesystem::create_directories(directory);
  for (const char* name : {"a", "b"}) {
    std::ofstream(directory + "/" + name + ".yaml")
        << "{apiVersion: v1, kind: Pod, metadata: {name: " << name << "}}";
  }
  EXPECT_EQ(Run("create", {"-f", directory + "/*.yaml", "--dry-run=client", "-o", "name"}), 0)
      << err_;
  EXPECT_EQ(out_, "pod/a\npod/b\n");
  std::filesystem::create_directories(directory + "/c");
  std::ofstream(directory + "/c/d.yaml") << "{apiVersion: v1, kind: Pod, metadata: {name: d}}";
  EXPECT_EQ(Run("create", {"-f", directory + "/*", "--dry-run=client", "-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "pod/a\npod/b\npod/d\n") << "also what is in a folder";
  EXPECT_EQ(Run("create", {"-f", directory + "/" + std::string(300, 'x')}), 1);
  EXPECT_THAT(err_, HasSubstr("cannot be accessed: stat "));
  EXPECT_THAT(err_, HasSubstr(": file name too long\n"));
  EXPECT_THAT(Created({"cm", "k", "--from-file=" + directory + "/" + std::string(300, 'x')}),
              HasSubstr(": file name too long\n"));
  EXPECT_EQ(Run("create", {"-f", directory + "/*.none"}), 1);
  EXPECT_THAT(err_, HasSubstr(".none\" does not exist\n"));
  std::filesystem::remove_all(directory);
}

TEST_F(TypedFlagsTest, AServerIsAUrlOfHttpOrAHostWithAPort) {
  const auto said = [&](const std::string& server) {
    Run("get", {"pods", "--server=" + server});
    return err_.substr(0, err_.find('\n'));
  };
  EXPECT_EQ(said("ftp://x"),
            "Unable to connect to the server: unsupported protocol scheme \"ftp\"");
  EXPECT_EQ(said("://"), "error: host must be a URL or a host:port pair: \"://\"");
  EXPECT_EQ(said("nope:1x"), "Unable to connect to the server: invalid port \":1x\" after host");
  EXPECT_THAT(said("https://[::1]:6443"), Not(HasSubstr("invalid port")));
  Run("get", {"pods", "--request-timeout=-1"});
  EXPECT_THAT(err_, HasSubstr("Invalid timeout value."));
  Run("get", {"pods", "--token=t", "--username=u"});
  EXPECT_THAT(err_, HasSubstr("more than one authentication method found"));
}

TEST_F(TypedFlagsTest, NoNodeIsTouchedForASelectorThatIsNone) {
  EXPECT_EQ(Run("drain", {"n", "--pod-selector=a in ("}), 1);
  EXPECT_EQ(err_, "error: --pod-selector=<pod_selector> must be a valid label selector\n");
}

TEST_F(TypedFlagsTest, AConfigsFieldsAreKnown) {
  const std::string path = testing::TempDir() + "skiff-typed-config-" + std::to_string(getpid());
  const auto set = [&](const std::string& field, const std::string& value) {
    Run("config", {"set", field, value, "--kubeconfig=" + path});
    return out_ + err_;
  };
  EXPECT_EQ(set("clusters.c.insecure-skip-tls-verify", "x"),
            "error: strconv.ParseBool: parsing \"x\": invalid syntax\n");
  EXPECT_THAT(set("users.u.client-key-data", "?"), HasSubstr("error decoding input value"));
  EXPECT_THAT(set("clusters.c.nope", "x"), HasSubstr("have no field \"nope\""));
  EXPECT_EQ(set("preferences.colors", "true"), "Property \"preferences.colors\" set.\n");
  EXPECT_EQ(Run("config", {"set-context", "a", "b", "--kubeconfig=" + path}), 1);
  std::ofstream(path) << "{apiVersion: v1, kind: Config, preferences: []}";
  EXPECT_THAT(set("preferences.colors", "true"),
              HasSubstr("json: cannot unmarshal array into Go struct field Config.preferences of "
                        "type v1.Preferences\n"));
  std::filesystem::remove(path);
}

TEST_F(TypedFlagsTest, AnEmptyRestartPolicyOfACronJobIsTheDefault) {
  for (const char* flag : {"--restart=", "--restart=OnFailure"}) {
    EXPECT_THAT(Created({"cronjob", "c", "--image=i", "--schedule=* * * * *", flag, "-o", "yaml"}),
                HasSubstr("restartPolicy: OnFailure\n"));
  }
}

TEST_F(TypedFlagsTest, WhatAVerbHasNoUseForIsRefused) {
  const std::pair<const char*, const char*> flags[] = {{"taint", "--save-config"},
                                                       {"apply", "--save-config"},
                                                       {"expose", "--validate"},
                                                       {"run", "--validate"},
                                                       {"autoscale", "--validate"}};
  for (const auto& [verb, flag] : flags) {
    EXPECT_EQ(Run(verb, {"x", flag}), 1);
    EXPECT_THAT(err_, testing::StartsWith("error: unknown flag: " + std::string(flag) + "\n"));
  }
  const std::pair<const char*, std::vector<std::string>> of_families[] = {
      {"apply", {"set-last-applied", "--field-manager=m"}},
      {"apply", {"set-last-applied", "--recursive"}},
      {"set", {"selector", "--selector=a=b"}},
      {"set", {"serviceaccount", "--selector=a=b"}}};
  for (const auto& [family, args] : of_families) {
    EXPECT_EQ(Run(family, args), 1);
    const std::string flag = args[1].substr(0, args[1].find('='));
    EXPECT_EQ(err_, "error: unknown flag: " + flag + "\nSee 'kubectl " + family + " " + args[0] +
                        " --help' for usage.\n");
  }
  EXPECT_EQ(Run("config", {"set-cluster", "c", "-s", "https://a"}), 1);
  EXPECT_THAT(err_, HasSubstr("unknown shorthand flag: 's' in -s\n"));
  for (const char* verb : {"expose", "run", "autoscale"}) {
    EXPECT_EQ(Run(verb, {"--help"}), 0);
    EXPECT_THAT(out_, HasSubstr("--save-config="));
  }
}

}  // namespace
}  // namespace skiff::cli
