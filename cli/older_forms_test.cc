// Forms of flags and words from before that scripts still have, and what is told of those that are
// wrong.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/prune/objects_fixture.h"
#include "cli/writing.h"

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
  EXPECT_EQ(Refused("taint", {"po", "none", "a=b:NoSchedule"}),
            "error: invalid resource type po, only node types are supported\n")
      << "before it is looked for";
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
  EXPECT_EQ(Refused("create", {"service", "clusterip", "p", "--tcp=80", "--node-port=30000"}),
            "error: unknown flag: --node-port\n"
            "See 'kubectl create service clusterip --help' for usage.\n");
  EXPECT_EQ(Refused("create", {"service", "--tcp", "80", "nodeport", "p", "--clusterip=None"}),
            "error: unknown flag: --clusterip\n"
            "See 'kubectl create service nodeport --help' for usage.\n");
  EXPECT_EQ(Refused("create", {"service", "externalname", "p"}),
            "error: required flag(s) \"external-name\" not set\n");
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
            "{\"insecure-skip-tls-verify\":true,\"server\":\"\"}");
  Quietly("config", config({"set", "preferences.colors", "true"}));
  EXPECT_EQ(Quietly("config", config({"view", "-o", "jsonpath={.preferences}"})),
            "{\"colors\":true}");
}

// The command line, in an annotation of what it changed.
class RecordTest : public OlderFormsTest {
 protected:
  RecordTest() {
    Put(kWeb,
        {{"apiVersion", "apps/v1"},
         {"kind", "Deployment"},
         {"spec",
          {{"replicas", 1},
           {"selector", {{"matchLabels", {{"app", "web"}}}}},
           {"template", {{"spec", {{"containers", {{{"name", "c"}, {"image", "one"}}}}}}}}}}});
    objects_["/apis/apps/v1"] = {{"resources", {{{"name", "deployments/scale"}}}}};
  }
  std::string CauseOf(const std::string& path) {
    return TextAt(objects_.at(path), "metadata", "annotations", "kubernetes.io/change-cause");
  }
  // The requests that a command line with --record makes, which succeeds and warns.
  std::vector<std::string> Recorded(const std::string& verb, std::vector<std::string> args) {
    args.emplace_back("--record");
    writes_.clear();
    EXPECT_EQ(Run(verb, args), 0) << err_;
    EXPECT_THAT(err_, StartsWith(kDeprecated));
    return writes_;
  }
  // From now on what is sent with that annotation is refused.
  void RefuseCauses() {
    server_ = [inner = server_](const http::Request& request) {
      if (request.body.find("change-cause") == std::string::npos) return inner(request);
      http::Response response;
      response.status = 403;
      response.body = R"({"kind": "Status", "status": "Failure", "code": 403,
          "reason": "Forbidden", "message": "not for you"})";
      return response;
    };
  }
  static constexpr char kDeprecated[] =
      "Flag --record has been deprecated, --record will be removed in the future\n";
  static constexpr char kWeb[] = "/apis/apps/v1/namespaces/default/deployments/web";
  const std::string map_ = std::string(kMaps) + "a";
};
using Writes = std::vector<std::string>;

TEST_F(RecordTest, WhyItWasChangedGoesWithTheChange) {
  EXPECT_EQ(Recorded("label", {"cm/a", "y=2", "--token=t"}), Writes({"PATCH " + map_}));
  EXPECT_EQ(err_, kDeprecated);
  EXPECT_EQ(CauseOf(map_), "kubectl label cm/a y=2 --token=CLASSIFIED --record=true");
  EXPECT_EQ(Recorded("label", {"cm/a", "y=2"}), Writes({"PATCH " + map_}));
  EXPECT_EQ(out_, "configmap/a unlabeled\n") << "it is shorter now, and kubectl looks at that";
  EXPECT_EQ(Recorded("annotate", {"cm/a", "n=1"}), Writes({"PATCH " + map_}));
  EXPECT_EQ(CauseOf(map_), "kubectl annotate cm/a n=1 --record=true");
  Recorded("annotate", {"cm/a", "kubernetes.io/change-cause=mine", "--overwrite"});
  EXPECT_EQ(CauseOf(map_), "mine");
  EXPECT_EQ(Recorded("set", {"image", "deploy/web", "c=two"}),
            Writes({std::string("PATCH ") + kWeb}));
  EXPECT_EQ(CauseOf(kWeb), "kubectl set image deploy/web c=two --record=true");
  EXPECT_EQ(Refused("delete", {"cm/a", "--record"}),
            "error: unknown flag: --record\nSee 'kubectl delete --help' for usage.\n");
}

TEST_F(RecordTest, WhatIsToGoIsSaidAlsoToThoseWhoAskForHelp) {
  EXPECT_EQ(Run("label", {"--record", "--help"}), 0);
  EXPECT_EQ(err_, kDeprecated);
  EXPECT_EQ(Run("autoscale", {"--cpu-percent=5", "--help"}), 0);
  EXPECT_THAT(err_, StartsWith("Flag --cpu-percent has been deprecated, Use --cpu with "));
  EXPECT_EQ(Run("autoscale", {"deploy/web", "--cpu-percent=5"}), 1);
  EXPECT_THAT(err_, HasSubstr("for milliCPU).\nerror: required flag(s) \"max\" not set"));
}

TEST_F(RecordTest, NothingIsWrittenForWhatIsDoneHere) {
  input_ = R"({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
      "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "one"}]}}}})";
  EXPECT_EQ(Recorded("label", {"--local", "-f", "-", "a=b"}), Writes());
  EXPECT_EQ(Recorded("annotate", {"--local", "-f", "-", "a=b"}), Writes());
  EXPECT_EQ(Recorded("patch", {"--local", "-f", "-", "-p", R"({"spec": {"replicas": 2}})"}),
            Writes());
  EXPECT_EQ(Recorded("set", {"image", "--local", "-f", "-", "c=two", "-o", "yaml"}), Writes());
  EXPECT_THAT(out_, HasSubstr("kubernetes.io/change-cause: kubectl set image c=two"));
  EXPECT_EQ(Recorded("create", {"-f", "-", "--dry-run=client", "-o", "yaml"}), Writes());
  EXPECT_THAT(out_, HasSubstr("kubernetes.io/change-cause: kubectl create"));
  for (const char* dry : {"--dry-run=client", "--dry-run=server"}) {
    Recorded("label", {"cm/a", "y=2", dry});
    Recorded("patch", {"deploy/web", "-p", R"({"spec": {"replicas": 2}})", dry});
    Recorded("scale", {"deploy/web", "--replicas=3", dry});
    EXPECT_EQ(CauseOf(map_) + CauseOf(kWeb), "") << dry;
  }
}

TEST_F(RecordTest, WhatIsMadeIsMadeWithIt) {
  server_ = [inner = server_](const http::Request& request) {
    EXPECT_NE(request.method, "PATCH") << "who may create may not patch";
    return inner(request);
  };
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}})";
  EXPECT_EQ(Recorded("create", {"-f", "-"}),
            Writes({"POST /api/v1/namespaces/default/configmaps"}));
  EXPECT_EQ(CauseOf(std::string(kMaps) + "b"), "kubectl create --filename=- --record=true");
  EXPECT_EQ(Refused("replace", {"-f", "-", "--record"}),
            "error: unknown flag: --record\nSee 'kubectl replace --help' for usage.\n");
  EXPECT_EQ(Run("run", {"p", "--image=i", "--record", "--", "sleep", "1"}), 0) << err_;
  EXPECT_EQ(CauseOf("/api/v1/namespaces/default/pods/p"),
            "kubectl run p sleep 1 --image=i --record=true");
  Recorded("expose", {"deploy/web", "--port=80"});
  EXPECT_THAT(CauseOf("/api/v1/namespaces/default/services/web"), HasSubstr("expose"));
  Recorded("autoscale", {"deploy/web", "--max=3"});
  EXPECT_THAT(CauseOf("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web"),
              HasSubstr("autoscale"));
}

TEST_F(RecordTest, AppliedItIsAsIfTheFileSaidIt) {
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}})";
  const std::string path = std::string(kMaps) + "b";
  for (const char* format : {"yaml", "json", "name"}) {
    objects_.erase(path);
    EXPECT_EQ(Recorded("apply", {"-f", "-", "-o", format}).size(), 1U) << format;
    EXPECT_THAT(CauseOf(path), HasSubstr(format));
  }
  Recorded("apply", {"-f", "-", "-o", "json"});
  EXPECT_THAT(CauseOf(path), HasSubstr("json")) << "also of what was there";
  EXPECT_THAT(TextAt(objects_.at(path), "metadata", "annotations", kLastApplied),
              HasSubstr("change-cause"));
  EXPECT_EQ(Recorded("apply", {"-f", "-", "-o", "json"}), Writes());
}

TEST_F(RecordTest, WhatDoesNotSendTheObjectKeepsItByItself) {
  const std::string patch = R"({"spec": {"replicas": 2}})";
  const Writes both = {std::string("PATCH ") + kWeb, std::string("PATCH ") + kWeb};
  EXPECT_EQ(Recorded("patch", {"deploy/web", "-p", patch}), both);
  EXPECT_EQ(out_, "deployment.apps/web patched\n");
  EXPECT_THAT(CauseOf(kWeb), HasSubstr("kubectl patch deploy/web --patch={"));
  EXPECT_EQ(Recorded("scale", {"deploy/web", "--replicas=3"}),
            Writes({std::string("PATCH ") + kWeb + "/scale", std::string("PATCH ") + kWeb}));
  EXPECT_EQ(CauseOf(kWeb), "kubectl scale deploy/web --replicas=3 --record=true");
  const std::string scale = std::string(kWeb) + "/scale";
  Put(scale, {{"apiVersion", "autoscaling/v1"}, {"kind", "Scale"}});
  EXPECT_EQ(Recorded("patch", {"deploy/web", "--subresource=scale", "-p", patch}),
            Writes({"PATCH " + scale, "PATCH " + scale}))
      << "kubectl asks there, too, where a server may keep it or not";
  RefuseCauses();
  Recorded("patch", {"deploy/web", "-p", patch});
  EXPECT_EQ(err_, kDeprecated) << "it was done";
  EXPECT_THAT(out_, StartsWith("deployment.apps/web patched"));
  Recorded("scale", {"deploy/web", "--replicas=4", "--v=4"});
  EXPECT_THAT(err_, HasSubstr("] error recording reason: not for you\n"));
  EXPECT_EQ(out_, "deployment.apps/web scaled\n");
}

TEST_F(RecordTest, WhatWasNotEditedHasNone) {
  Put(map_, {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] = "true";
  EXPECT_EQ(Recorded("edit", {"cm/a"}), Writes());
  variables_["KUBE_EDITOR"] = "sed -i s/one/two/";
  EXPECT_EQ(Recorded("edit", {"cm/a"}), Writes({"PATCH " + map_}));
  EXPECT_EQ(CauseOf(map_), "kubectl edit cm/a --record=true");
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
