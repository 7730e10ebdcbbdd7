// What people type, and what kubectl says of it, where the answer is more than a list of objects.
#include <gmock/gmock.h>

#include <cstdlib>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class TypedWordsTest : public ProgramTest {
 protected:
  TypedWordsTest() {
    const std::string pod =
        R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "default"}})";
    Serve({{"/api/v1/namespaces/default/pods/a", pod},
           {"/api/v1/namespaces/default/pods", R"({"items": []})"}});
  }
  void Serve(std::map<std::string, std::string> answers) {
    server_ = ServerOf("apps", {{"deployments", "Deployment"}}, std::move(answers));
  }
  std::string Said(const std::string& verb, const std::vector<std::string>& args) {
    Run(verb, args);
    return out_ + err_;
  }
};

TEST_F(TypedWordsTest, FormsOfOneWordAreTakenInCapitalsToo) {
  EXPECT_EQ(Run("get", {"pod", "a", "-o", "Json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"kind\": \"Pod\""));
  EXPECT_EQ(Run("get", {"pod", "a", "-o", "YAML"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("kind: Pod\n"));
  EXPECT_EQ(Run("get", {"pod", "a", "-o", "JsonPath={.kind}"}), 1);
}

TEST_F(TypedWordsTest, TwoTemplatesAreOneTooMany) {
  EXPECT_EQ(Run("get", {"pod", "a", "-o", "go-template={{.kind}}", "--template={{.x}}"}), 1);
  EXPECT_THAT(err_, HasSubstr("unable to match a printer suitable for the output format "
                              "\"go-template={{.kind}}\""));
}

TEST_F(TypedWordsTest, WhatStandsBehindTwoDashesIsNamedToo) {
  EXPECT_EQ(Run("get", {"-o", "name", "--", "pod", "a"}), 0) << err_;
  EXPECT_EQ(out_, "pod/a\n");
  EXPECT_EQ(Said("delete", {"pod", "--dry-run=client", "-o", "name", "--", "a"}), "pod/a\n");
  EXPECT_EQ(Said("label", {"pod", "a", "--dry-run=client", "-o", "name", "--", "b=c"}), "pod/a\n");
  EXPECT_THAT(Said("version", {"--client", "--", "-x"}), HasSubstr("extra arguments: [-x]"));
  EXPECT_THAT(Said("create", {"deployment", "d", "--image=i", "--dry-run=client", "-o", "json",
                              "--", "sh", "-c"}),
              HasSubstr("\"-c\""))
      << "that is a command of its own";
}

TEST_F(TypedWordsTest, ACommaHasAKindOnBothSides) {
  const std::string none = "error: the server doesn't have a resource type \"\"\n";
  EXPECT_EQ(Said("get", {"pods,"}), none);
  EXPECT_EQ(Said("get", {",pods"}), none);
}

TEST_F(TypedWordsTest, AWordThatIsEmptyIsNoKind) {
  // As of a variable that is not set: nothing of another kind is meant by it.
  const std::string none = "error: the server doesn't have a resource type \"\"\n";
  for (const char* verb : {"get", "describe", "delete", "edit", "expose", "scale"}) {
    std::vector<std::string> args = {""};
    if (std::string_view(verb) == "expose") args.push_back("--port=80");
    if (std::string_view(verb) == "scale") args.push_back("--replicas=1");
    EXPECT_EQ(Said(verb, args), none) << verb;
  }
  EXPECT_EQ(Said("delete", {"", "--all"}), none);
  EXPECT_EQ(Said("rollout", {"restart", ""}), none);
  EXPECT_EQ(Said("set", {"env", ""}), none);
}

TEST_F(TypedWordsTest, AWordThatIsEmptyNamesNothing) {
  EXPECT_EQ(Said("exec", {"", "--", "ls"}),
            "error: pod, type/name or --filename must be specified\n");
  EXPECT_THAT(Said("logs", {""}), HasSubstr("You must provide one or more resources"));
  EXPECT_EQ(Said("explain", {""}), "error: a resource must be present, got: /, Resource=\n");
  EXPECT_EQ(Said("kustomize", {""}),
            "error: must build at directory: directory path cannot be empty\n");
  const std::string unnamed = "error: name must be specified\n";
  for (const char* kind : {"namespace", "serviceaccount", "configmap", "quota", "role",
                           "clusterrole", "rolebinding", "poddisruptionbudget"}) {
    EXPECT_EQ(Said("create", {kind, ""}), unnamed) << kind;
  }
  EXPECT_EQ(Said("create", {"secret", "generic", ""}), unnamed);
  EXPECT_EQ(Said("create", {"secret", "docker-registry", ""}), unnamed);
  EXPECT_EQ(Said("create", {"token", ""}), "error: service account name is required\n");
}

TEST_F(TypedWordsTest, AFlagThatIsEmptyIsAsIfItWereNotThere) {
  EXPECT_THAT(Said("create", {"configmap", "a", "--from-env-file=", "--dry-run=client"}),
              Not(HasSubstr("error reading")));
  EXPECT_EQ(Said("run", {"a", "--image=x", "--restart=", "--dry-run=client", "-o", "name"}),
            "pod/a\n");
}

TEST_F(TypedWordsTest, AKindBesideANodeIsThatKind) {
  EXPECT_EQ(Said("cordon", {"a", "x/b"}), "error: the server doesn't have a resource type \"x\"\n");
  EXPECT_EQ(Said("drain", {"x/b"}), "error: the server doesn't have a resource type \"x\"\n");
}

TEST_F(TypedWordsTest, OfAnObjectInANamespaceThatIsMissingTheNamespaceIsMissed) {
  server_ = [inner = server_](const http::Request& request) {
    http::Response response = inner(request);
    if (response.status != 404) return response;
    const std::string what = request.path == "/api/v1/namespaces/gone" ? "namespaces \\\"gone\\\""
                                                                       : "pods \\\"a\\\"";
    response.body = R"({"kind": "Status", "reason": "NotFound", "code": 404, "message": ")" + what +
                    " not found\"}";
    return response;
  };
  EXPECT_EQ(Said("get", {"pod", "a", "-n", "gone"}),
            "Error from server (NotFound): namespaces \"gone\" not found\n");
  EXPECT_EQ(Said("get", {"pod", "a", "-n", "gone", "-o", "json"}),
            "Error from server (NotFound): namespaces \"gone\" not found\n");
  EXPECT_EQ(Run("get", {"pod", "a", "-n", "gone", "--ignore-not-found"}), 0);
}

TEST_F(TypedWordsTest, NothingIsPrintedOfNothingThatIsFound) {
  for (const char* form : {"yaml", "json", "name", "jsonpath={.items}", "custom-columns=A:.kind"}) {
    EXPECT_EQ(Run("get", {"pods", "-o", form, "--ignore-not-found"}), 0) << form << err_;
    EXPECT_EQ(out_ + err_, "") << form;
    EXPECT_EQ(Run("get", {"pod", "b", "c", "-o", form, "--ignore-not-found"}), 0) << form << err_;
    EXPECT_EQ(out_ + err_, "") << form;
  }
  EXPECT_EQ(Run("get", {"pod", "b", "-o", "custom-columns=A:.kind"}), 1);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Said("get", {"pods", "-o", "custom-columns=A:.kind"}), "A\n");
}

TEST_F(TypedWordsTest, ARawPathHasNoForm) {
  EXPECT_EQ(Said("get", {"--raw", "/x", "-o", "yaml"}),
            "error: --raw and --output are mutually exclusive\n");
}

TEST_F(TypedWordsTest, FilesOfColumnsHaveTwoLines) {
  EXPECT_EQ(Said("get", {"pods", "-o", "custom-columns-file=/nowhere/x"}),
            "error: error reading template /nowhere/x, open /nowhere/x: no such file or "
            "directory\n");
  EXPECT_EQ(Said("get", {"pods", "-o", "custom-columns-file"}),
            "error: custom-columns format specified but no custom columns given\n");
  EXPECT_THAT(Said("get", {"pods", "-o", "custom-columns-file=/dev/null"}),
              HasSubstr("invalid template, missing spec line."));
}

TEST_F(TypedWordsTest, AWrongWordIsToldWithWhatFollowsIt) {
  EXPECT_THAT(Said("rollout", {"statu", "deploy/web"}),
              HasSubstr("error: unknown command \"statu deploy/web\""));
  EXPECT_THAT(Said("create", {"service", "foo"}), HasSubstr("error: unknown command \"foo\"\n"));
}

TEST_F(TypedWordsTest, AllOrASelectorWantAKind) {
  EXPECT_EQ(Said("delete", {"--all"}),
            "error: at least one resource must be specified to use a selector\n");
  EXPECT_EQ(Said("delete", {"pods", "--all", "-l", "a=b"}),
            "error: setting 'all' parameter but found a non empty selector.\n");
}

TEST_F(TypedWordsTest, APathThatBeginsWithNothingIsExplainedAsNothing) {
  for (const char* path : {".pod", "pod..spec"}) {
    EXPECT_EQ(Run("explain", {path}), 1) << path;
    EXPECT_EQ(err_, "error: invalid jsonpath syntax, first node must be field node\n");
    EXPECT_EQ(out_, "");
  }
}

TEST_F(TypedWordsTest, AHeaderIsOfAList) {
  EXPECT_EQ(Said("auth", {"can-i", "get", "pods", "--no-headers"}),
            "error: --no-headers cannot be set without --list specified\n");
}

TEST_F(TypedWordsTest, ADebuggerThatCannotRunIsRefusedBeforeThePodHasIt) {
  const auto debug = [&](const std::string& flag) {
    return Said("debug", {"a", "--image=busybox", flag});
  };
  EXPECT_EQ(debug("--image=b ad"),
            "error: invalid image name \"b ad\": invalid reference format\n");
  EXPECT_EQ(debug("--image-pull-policy=x"), "error: invalid image pull policy: x\n");
  EXPECT_THAT(debug("--env=A"),
              HasSubstr("error: invalid argument \"A\" for \"--env\" flag: A must be formatted as "
                        "key=value\n"));
  Serve({{"/apis/apps/v1/namespaces/default/deployments/d",
          R"({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}})"}});
  EXPECT_THAT(Said("debug", {"deployments/d", "--image=x"}),
              HasSubstr("error: \"apps/v1, Kind=Deployment\" not supported by debug\n"));
}

TEST_F(TypedWordsTest, OneContainerIsNotAllOfThem) {
  EXPECT_EQ(Said("logs", {"a", "--all-containers", "-c", "x"}),
            "error: --all-containers=true should not be specified with container name x\n");
  EXPECT_THAT(Said("logs", {"a", "-l", "b=c"}),
              HasSubstr("error: only a selector (-l) or a POD name is allowed\n"));
  EXPECT_EQ(Said("logs", {"a", "--pod-running-timeout=0s"}),
            "error: --pod-running-timeout must be higher than zero\n");
  for (const char* verb : {"exec", "attach", "port-forward"}) {
    std::vector<std::string> args = {"a", "--pod-running-timeout=-1s"};
    if (verb == std::string("port-forward")) args.emplace_back("80");
    EXPECT_THAT(Said(verb, args), HasSubstr("--pod-running-timeout must be higher than zero\n"))
        << verb;
  }
  EXPECT_EQ(Said("cluster-info", {"dump", "--pod-running-timeout=0s"}),
            "error: --pod-running-timeout must be higher than zero\n");
}

TEST_F(TypedWordsTest, WhatASelectorAsksForIsAwaitedToo) {
  int lists = 0;
  server_ = [&, inner = server_](const http::Request& request) {
    if (request.path != "/api/v1/namespaces/default/pods") return inner(request);
    http::Response response;
    response.status = 200;
    response.body = ++lists < 3 ? R"({"items": []})" : R"({"items": [{"apiVersion": "v1",
        "kind": "Pod", "metadata": {"name": "a", "namespace": "default"}}]})";
    return response;
  };
  EXPECT_EQ(Run("wait", {"pods", "-l", "x=y", "--for=create"}), 0) << err_;
  EXPECT_EQ(out_, "pod/a condition met\n");
  lists = 0;
  EXPECT_EQ(Said("wait", {"pods", "-l", "x=y", "--for=create", "--timeout=0s"}),
            "error: timed out waiting for the condition\n");
  EXPECT_EQ(Said("wait", {"pod/a", "--for=jsonpath="}),
            "error: jsonpath expression cannot be empty\n");
}

TEST_F(TypedWordsTest, WhereARolloutHasNothingToDoItSaysSo) {
  Serve({{"/apis/apps/v1/namespaces/default/deployments", R"({"items": []})"}});
  for (const char* verb : {"restart", "status"}) {
    EXPECT_EQ(Run("rollout", {verb, "deploy", "-l", "a=b"}), 0) << err_;
    EXPECT_EQ(err_, "No resources found in default namespace.\n") << verb;
    EXPECT_EQ(Said("rollout", {"status", "deploy/d", "--revision=-1"}),
              "error: revision must be a positive integer: -1\n");
  }
}

TEST_F(TypedWordsTest, RulesOfARoleStandInTheOrderOfTheirGroups) {
  server_ = ServerOf("rbac.authorization.k8s.io", {{"roles", "Role"}},
                     {{"/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/r",
                       R"({"metadata": {"name": "r"}, "rules": [{"apiGroups": ["*"], "resources":
                           ["pods/log", "*"], "verbs": ["get"]}]})"}});
  EXPECT_EQ(Run("describe", {"role", "r"}), 0) << err_;
  EXPECT_LT(out_.find("*.*"), out_.find("pods.*/log")) << out_;
}

TEST_F(TypedWordsTest, WhatFewLookAtIsDescribedByItsFields) {
  server_ = ServerOf("networking.k8s.io", {{"ipaddresses", "IPAddress"}},
                     {{"/apis/networking.k8s.io/v1/ipaddresses/1",
                       R"({"metadata": {"name": "1"}, "spec": {"parentRef": {"name": "web",
                           "namespace": "shop", "resource": "services"}}})"}});
  EXPECT_EQ(Run("describe", {"ipaddresses", "1", "--show-events=false"}), 0) << err_;
  EXPECT_EQ(out_, "Name:         1\nLabels:       <none>\nAnnotations:  <none>\n"
                  "Parent Reference:\n  Group:      \n  Resource:   services\n"
                  "  Namespace:  shop\n  Name:       web\n");
}

TEST_F(TypedWordsTest, ADeploymentWithoutReplicaSetsTellsOfNone) {
  server_ = ServerOf("apps", {{"deployments", "Deployment"}, {"replicasets", "ReplicaSet"}},
                     {{"/apis/apps/v1/namespaces/default/deployments/d",
                       R"({"metadata": {"name": "d", "namespace": "default"}})"},
                      {"/apis/apps/v1/namespaces/default/replicasets", R"({"items": []})"}});
  EXPECT_EQ(Run("describe", {"deploy", "d", "--show-events=false"}), 0) << err_;
  EXPECT_THAT(out_, Not(HasSubstr("ReplicaSet")));
}

}  // namespace
}  // namespace skiff::cli
