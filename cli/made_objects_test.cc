// What verbs make up: services, pods and copies of these, users of a kubeconfig.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/json_text.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class MadeObjectsTest : public ProgramTest {
 protected:
  MadeObjectsTest() { std::filesystem::create_directories(directory_); }
  ~MadeObjectsTest() override { std::filesystem::remove_all(directory_); }
  std::string File(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + name) << text;
    return directory_ + name;
  }
  static std::string TextOf(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  // Arguments of `create`, which looks at what is typed and asks a server for its kinds alone.
  static std::vector<std::string> FromInput() {
    return {"--dry-run=client", "--validate=false", "-o", "name", "-f", "-"};
  }
  const std::string directory_ =
      testing::TempDir() + "skiff-made-" + std::to_string(getpid()) + "/";
};

// A server with a pod "web"; keeps what is sent to it.
class PodServerTest : public MadeObjectsTest {
 protected:
  PodServerTest() {
    server_ = [this](const http::Request& request) {
      http::Response response;
      response.status = 200;
      if (request.path == "/api") {
        response.body = R"({"versions": ["v1"]})";
      } else if (request.path == "/apis") {
        response.body = R"({"groups": []})";
      } else if (request.path == "/api/v1") {
        response.body = R"({"groupVersion": "v1", "resources": [
            {"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["get", "list"]},
            {"name": "services", "kind": "Service", "namespaced": true, "verbs": ["get"]}]})";
      } else if (request.method == "GET") {
        response.body = kPod;
      } else {
        sent_.push_back({{"method", request.method},
                         {"path", request.path},
                         {"body", Json::parse(request.body, nullptr, false)}});
        response.body = request.body;
      }
      return response;
    };
  }
  static constexpr char kPod[] = R"({"apiVersion": "v1", "kind": "Pod",
      "metadata": {"name": "web", "namespace": "default", "uid": "u", "labels": {"app": "web"}},
      "spec": {"nodeName": "n1", "initContainers": [{"name": "i", "image": "i:1"}],
               "containers": [{"name": "a", "image": "a:1", "livenessProbe": {"exec": {}},
                               "readinessProbe": {"exec": {}}},
                              {"name": "b", "image": "b:1"}]},
      "status": {"phase": "Running"}})";
  const Json& copy() const { return sent_.at(0)["body"]; }

  std::vector<Json> sent_;
};

TEST_F(PodServerTest, AnExposedServiceIsOverridden) {
  const std::string file = File("d.yaml",
                                "{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: "
                                "web}}, spec: {containers: [{name: m, image: i}]}}");
  const auto exposed = [&](const std::string& overrides, const std::string& type) {
    EXPECT_EQ(Run("expose", {"-f", file, "--port=80", "--dry-run=client", "-o", "jsonpath={.spec}",
                             "--overrides=" + overrides, "--override-type=" + type}),
              0)
        << err_;
    return out_;
  };
  EXPECT_THAT(exposed(R"({"spec": {"type": "NodePort"}})", "merge"), HasSubstr("NodePort"));
  EXPECT_THAT(exposed(R"({"spec": {"ports": [{"port": 80, "name": "a"}]}})", "strategic"),
              HasSubstr(R"("name":"a","port":80,"protocol":"TCP")"));
  EXPECT_THAT(exposed(R"([{"op": "replace", "path": "/spec/ports/0/port", "value": 81}])", "json"),
              HasSubstr(R"("port":81)"));
}

TEST_F(PodServerTest, OverridesThatMakeNoSenseAreRefused) {
  const auto refused = [&](const std::string& overrides, const std::string& type) {
    EXPECT_EQ(Run("run", {"x", "--image=y", "--dry-run=client", "--overrides=" + overrides,
                          "--override-type=" + type}),
              1);
    return err_;
  };
  EXPECT_EQ(refused("x", "merge"), "error: Invalid JSON Patch\n");
  EXPECT_EQ(refused("{}", "foo"), "error: invalid override type: foo\n");
  EXPECT_THAT(refused(R"({"kind": ""})", "merge"), HasSubstr("error: Object 'Kind' is missing in"));
}

TEST_F(PodServerTest, AnOverriddenObjectIsReadByItsType) {
  const auto run = [this](const std::string& overrides) {
    return Run("run", {"x", "--image=y", "--dry-run=client", "-o", "jsonpath={.spec}",
                       "--overrides=" + overrides});
  };
  EXPECT_EQ(run(R"({"spec": {"foo": 1, "nodeName": "n"}})"), 0) << err_;
  EXPECT_THAT(out_, HasSubstr(R"("nodeName":"n")"));
  EXPECT_THAT(out_, testing::Not(HasSubstr("foo")));
  EXPECT_EQ(run(R"({"spec": {"hostNetwork": "x"}})"), 1);
  EXPECT_EQ(err_,
            "error: json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of "
            "type bool\n");
  EXPECT_EQ(run(R"({"apiVersion": "v9"})"), 1);
  EXPECT_EQ(err_,
            "error: no kind \"Pod\" is registered for version \"v9\" in scheme "
            "\"pkg/runtime/scheme.go:111\"\n");
}

TEST_F(PodServerTest, ACopyHasOtherImagesAndTakesThePlaceOfItsPod) {
  ASSERT_EQ(Run("debug", {"web", "--copy-to=w", "--set-image=*=x:2,b=y:3", "--replace",
                          "--profile=general"}),
            0)
      << err_;
  EXPECT_EQ(copy()["spec"]["containers"][0]["image"], "x:2");
  EXPECT_EQ(copy()["spec"]["containers"][1]["image"], "y:3");
  EXPECT_EQ(copy()["metadata"]["labels"]["app"], "web") << "nothing is debugged in it";
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(sent_[1]["method"], "DELETE");
  EXPECT_EQ(sent_[1]["path"], "/api/v1/namespaces/default/pods/web");
  EXPECT_EQ(sent_[1]["body"]["gracePeriodSeconds"], 0);
}

TEST_F(PodServerTest, ACopyKeepsWhatItIsToldTo) {
  ASSERT_EQ(Run("debug", {"web", "--copy-to=w", "--container=a", "--image=x:2", "--profile=general",
                          "--keep-liveness", "--keep-init-containers=false"}),
            0)
      << err_;
  const Json& container = copy()["spec"]["containers"][0];
  EXPECT_EQ(container["image"], "x:2");
  EXPECT_TRUE(container.contains("livenessProbe"));
  EXPECT_FALSE(container.contains("readinessProbe"));
  EXPECT_FALSE(copy()["spec"].contains("initContainers"));
  EXPECT_FALSE(copy()["metadata"].contains("labels"));
}

TEST_F(PodServerTest, AProfileOfOnesOwnGoesOverTheOther) {
  const std::string file = File("c.yaml", "{env: [{name: A, value: b}], stdin: true}");
  ASSERT_EQ(Run("debug", {"web", "--image=x:2", "--container=d", "--profile=general",
                          "--custom=" + file}),
            0)
      << err_;
  const Json& container = copy()["spec"]["ephemeralContainers"][0];
  EXPECT_EQ(container["name"], "d");
  EXPECT_EQ(container["env"][0]["value"], "b");
  EXPECT_EQ(container["image"], "x:2");
  EXPECT_EQ(Run("debug", {"web", "--image=x", "--profile=general",
                          "--custom=" + File("n.yaml", "{image: z}")}),
            1);
  EXPECT_THAT(err_, HasSubstr("are not modifiable via custom profile"));
}

// As Go reads it into a container: a text is one whatever YAML takes it for.
TEST_F(PodServerTest, AProfileOfOnesOwnIsReadAsAContainer) {
  const auto debug = [this](const std::string& custom) {
    sent_.clear();
    return Run("debug", {"web", "--image=x:2", "--container=d", "--profile=general",
                         "--custom=" + File("c.yaml", custom)});
  };
  ASSERT_EQ(debug("{env: [{name: A, value: y}], args: [1, 0.5, true], name: '', foo: 1, "
                  "command: [], stdin: null, resources: {limits: {cpu: 1}}}"),
            0)
      << err_;
  const Json& container = copy()["spec"]["ephemeralContainers"][0];
  EXPECT_EQ(container["env"][0]["value"], "true");
  EXPECT_EQ(container["args"], Json::parse(R"(["1", "0.5", "true"])"));
  EXPECT_EQ(container["resources"]["limits"]["cpu"], "1");
  EXPECT_EQ(container["name"], "d");
  EXPECT_FALSE(container.contains("foo"));
  EXPECT_EQ(debug("null"), 0) << err_;
  EXPECT_EQ(debug("stdin: x"), 1);
  EXPECT_THAT(err_, HasSubstr("does not contain a valid container spec: error unmarshaling JSON: "
                              "while decoding JSON: json: cannot unmarshal string into Go struct "
                              "field Container.stdin of type bool\n"));
  EXPECT_EQ(debug("a: b: c"), 1);
  EXPECT_THAT(err_, HasSubstr("container spec: error converting YAML to JSON: yaml: "));
}

TEST_F(PodServerTest, WhoseUserIsNotRootIsToldWhatProfilesCannotGiveHim) {
  const auto answers = server_;
  server_ = [answers](const http::Request& request) {
    http::Response response = answers(request);
    if (request.method != "GET" || !request.path.ends_with("/pods/web")) return response;
    Json pod = Json::parse(response.body);
    pod["spec"]["securityContext"]["runAsUser"] = 1000;
    response.body = pod.dump();
    return response;
  };
  const std::string warning = "Warning: Non-root user is configured for the entire target Pod";
  EXPECT_EQ(Run("debug", {"web", "--image=x", "--container=d", "--profile=netadmin"}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr(warning));
  EXPECT_EQ(
      Run("debug", {"web", "--image=x", "--container=d", "--profile=sysadmin", "--copy-to=w"}), 0);
  EXPECT_THAT(err_, HasSubstr(warning));
  EXPECT_EQ(Run("debug", {"web", "--image=x", "--container=d", "--profile=restricted"}), 0);
  EXPECT_THAT(err_, testing::Not(HasSubstr(warning))) << "it adds nothing";
  EXPECT_EQ(Run("debug", {"web", "--image=x", "--container=d", "--profile=netadmin",
                          "--custom=" + File("u.yaml", "{securityContext: {runAsUser: 0}}")}),
            0);
  EXPECT_THAT(err_, testing::Not(HasSubstr(warning)));
}

TEST_F(PodServerTest, WhatIsAboutACopyWantsOne) {
  const auto refused = [this](std::vector<std::string> args) {
    args.insert(args.begin(), {"web", "--profile=general"});
    EXPECT_EQ(Run("debug", args), 1);
    return err_;
  };
  EXPECT_EQ(refused({"--image=x", "--replace"}),
            "error: --replace may only be used with --copy-to.\n");
  EXPECT_EQ(refused({"--set-image=a=b"}), "error: --set-image may only be used with --copy-to.\n");
  EXPECT_EQ(refused({"--copy-to=w"}),
            "error: you must specify --image, --set-image or command arguments.\n");
}

// Before the pod is asked for, and each before the next, as kubectl.
TEST_F(PodServerTest, WhatCannotBeDebuggedIsRefusedInOrder) {
  const auto refused = [this](std::vector<std::string> args) {
    sent_.clear();
    EXPECT_EQ(Run("debug", args), 1);
    EXPECT_TRUE(sent_.empty());
    return err_;
  };
  const std::string none = testing::TempDir() + "/nosuch.yaml";
  EXPECT_EQ(refused({"--custom=" + none, "--profile=odd"}), "error: unknown profile: odd\n");
  EXPECT_EQ(refused({"--custom=" + none, "--attach"}),
            "error: must pass a container spec json file for custom profile: open " + none +
                ": no such file or directory\n");
  EXPECT_EQ(refused({"--custom=" + testing::TempDir()}),
            "error: must pass a container spec json file for custom profile: read " +
                testing::TempDir() + ": is a directory\n");
  EXPECT_EQ(refused({"web", "--attach"}),
            "error: you must specify --container or create a new container using --image in order "
            "to attach.\n");
  EXPECT_EQ(refused({"web", "--copy-to=w", "--set-image=a=B", "--image-pull-policy=x"}),
            "error: invalid image pull policy: x\n");
  EXPECT_EQ(refused({"web", "--copy-to=w", "--set-image=a=B"}),
            "error: invalid image name \"B\" for container \"a\": invalid reference format\n");
  EXPECT_EQ(refused({"--image=B", "-t"}),
            "error: invalid image name \"B\": invalid reference format\n");
  EXPECT_EQ(refused({"--image=b", "-t"}), "error: NAME or filename is required for debug\n");
  EXPECT_EQ(refused({"web", "--image=b", "-t", "--custom=" + File("n.yaml", "{image: z}")}),
            "error: -i/--stdin is required for containers with -t/--tty=true\n");
}

TEST_F(PodServerTest, ValuesOfOneFlagArePartedByCommasWhereThereAreSeveral) {
  ASSERT_EQ(Run("debug", {"web", "--image=x", "--container=d", "--profile=general", "--env=A=1,B=2",
                          "--env=C=x,y", "--env=A=3"}),
            0)
      << err_;
  EXPECT_EQ(copy()["spec"]["ephemeralContainers"][0]["env"], Json::parse(R"([
      {"name": "B", "value": "2"}, {"name": "C", "value": "x,y"}, {"name": "A", "value": "3"}])"));
}

TEST_F(PodServerTest, AnInitContainerOfACopyIsChangedAsOthersAre) {
  ASSERT_EQ(Run("debug",
                {"web", "--copy-to=w", "--container=i", "--image=x:2", "--profile=general", "--"}),
            0)
      << err_;
  const Json& spec = copy()["spec"];
  EXPECT_EQ(spec["initContainers"][0]["image"], "x:2");
  EXPECT_FALSE(spec["initContainers"][0].contains("command")) << "nothing stands behind the dashes";
  EXPECT_EQ(spec["containers"].size(), 2u);
  EXPECT_EQ(Run("debug", {"web", "--copy-to=w", "--container=i", "--image=x:2", "--profile=general",
                          "--custom=" + File("e.yaml", "{env: [{name: A, value: b}]}")}),
            1);
  EXPECT_EQ(err_, "error: unable to find the i container in the pod w\n");
}

// What the user says himself goes over what a profile takes away.
TEST_F(PodServerTest, ACopyIsProbedAsTheUsersOwnProfileSays) {
  const std::string probe = File("l.yaml", "{livenessProbe: {exec: {command: [a]}}}");
  ASSERT_EQ(Run("debug", {"web", "--copy-to=w", "--container=a", "--image=x", "--profile=general",
                          "--custom=" + probe}),
            0)
      << err_;
  EXPECT_EQ(copy()["spec"]["containers"][0]["livenessProbe"]["exec"]["command"][0], "a");
  EXPECT_EQ(copy()["spec"]["shareProcessNamespace"], true);
}

TEST_F(PodServerTest, ASubresourceIsAppliedByTheServer) {
  const std::string file = File("p.yaml", kPod);
  EXPECT_EQ(Run("apply", {"-f", file, "--subresource=status"}), 1);
  EXPECT_EQ(err_, "error: --subresource can only be specified for --server-side\n");
  ASSERT_EQ(Run("apply", {"-f", file, "--subresource=status", "--server-side"}), 0) << err_;
  EXPECT_EQ(sent_.at(0)["path"], "/api/v1/namespaces/default/pods/web/status");
}

class CredentialsTest : public MadeObjectsTest {
 protected:
  CredentialsTest() { variables_["KUBECONFIG"] = path_; }
  int Set(std::vector<std::string> args) {
    args.insert(args.begin(), {"set-credentials", "u"});
    return Run("config", args);
  }
  const std::string path_ = directory_ + "config";
};

TEST_F(CredentialsTest, AUserMayHaveThemFromAProgram) {
  ASSERT_EQ(Set({"--exec-command=foo", "--exec-arg=a,b", "--exec-api-version=v", "--exec-env=A=b"}),
            0)
      << err_;
  EXPECT_THAT(TextOf(path_),
              HasSubstr("    exec:\n      apiVersion: v\n      args:\n      - a\n      - b\n"
                        "      command: foo\n      env:\n      - name: A\n        value: b\n"
                        "      provideClusterInfo: false\n"));
  ASSERT_EQ(Set({"--exec-command=bar"}), 0) << err_;
  ASSERT_EQ(Set({"--exec-env=A-", "--exec-env=C=d", "--exec-interactive-mode=Never"}), 0) << err_;
  EXPECT_THAT(TextOf(path_),
              HasSubstr("      args: null\n      command: bar\n      env:\n      - name: C\n"
                        "        value: d\n      interactiveMode: Never\n"));
  EXPECT_EQ(Set({"--exec-env=A"}), 1);
  EXPECT_EQ(err_, "error: invalid exec-env format: A\n");
  EXPECT_EQ(Set({"--exec-interactive-mode=Now"}), 1);
  EXPECT_THAT(err_, HasSubstr("can be only IfAvailable, Never, Always"));
}

TEST_F(CredentialsTest, ATokenTakesThePlaceOfAPassword) {
  ASSERT_EQ(Set({"--username=n", "--password=p"}), 0) << err_;
  ASSERT_EQ(Set({"--token=t"}), 0) << err_;
  EXPECT_THAT(TextOf(path_), Not(HasSubstr("password")));
  ASSERT_EQ(Set({"--username=n"}), 0) << err_;
  EXPECT_THAT(TextOf(path_), Not(HasSubstr("token")));
  EXPECT_EQ(Set({"--username=n", "--token=t"}), 1);
  EXPECT_THAT(err_, HasSubstr("more than one authentication method"));
}

TEST_F(CredentialsTest, FilesAreShownAsWhatTheyHold) {
  const std::string pem = File("ca.pem", "PEM");
  ASSERT_EQ(Run("config", {"set-cluster", "c", "--certificate-authority=" + pem,
                           "--proxy-url=http://p"}),
            0)
      << err_;
  ASSERT_EQ(Run("config", {"view", "--flatten", "--raw"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("certificate-authority-data: UEVN\n"));
  EXPECT_THAT(out_, HasSubstr("proxy-url: http://p\n"));
  EXPECT_THAT(out_, Not(HasSubstr(pem)));
  EXPECT_EQ(Run("config", {"view", "--merge=false"}), 1);
  EXPECT_EQ(err_, "error: if merge==false a precise file must be specified\n");
}

// As `get --raw` answers.
TEST_F(MadeObjectsTest, ItemsOfAListOfOneKindNeedNotSayTheirs) {
  server_ = ServerOf("", {}, {});
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMapList", "items": [
      {"metadata": {"name": "a"}},
      {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}}]})";
  EXPECT_EQ(Run("create", FromInput()), 0) << err_;
  EXPECT_EQ(out_, "configmap/a\nsecret/b\n");
  input_ = R"({"apiVersion": "v1", "kind": "List", "items": [{"metadata": {"name": "a"}}]})";
  EXPECT_EQ(Run("create", FromInput()), 1);
  EXPECT_THAT(err_, HasSubstr("Object 'Kind' is missing"));
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMapList", "items": [
      {"kind": "Secret", "metadata": {"name": "a"}}]})";
  EXPECT_EQ(Run("create", FromInput()), 1);
  EXPECT_EQ(out_, "") << "it is no ConfigMap";
}

// As PowerShell redirects into a file.
TEST_F(MadeObjectsTest, FilesMayBeInUtf16) {
  server_ = ServerOf("", {}, {});
  const std::string text =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"
      "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"b\"}}\n";
  std::string little = "\xff\xfe";
  std::string big = "\xfe\xff";
  for (const char c : text) {
    little += {c, '\0'};
    big += {'\0', c};
  }
  for (const std::string& each : {little, big, little + "a"}) {
    input_ = each;
    EXPECT_EQ(Run("create", FromInput()), 0) << err_;
    EXPECT_EQ(out_, "configmap/a\nsecret/b\n");
  }
  input_ = little + std::string("\x00\xd8\x61\x00", 4);  // Half a pair.
  EXPECT_EQ(Run("create", FromInput()), 1);
}

TEST_F(MadeObjectsTest, WhatCannotBeExposedKeepsNothingElseFromIt) {
  server_ = ServerOf("", {}, {});
  input_ =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"
      "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: r}\n"
      "spec: {selector: {a: b}}\n";
  const std::vector<std::string> args = {"-f", "-", "--port=80", "--dry-run=client", "-o", "name"};
  EXPECT_EQ(Run("expose", args), 1);
  EXPECT_EQ(out_, "service/r\n");
  EXPECT_EQ(err_, "error: cannot expose a ConfigMap\n");
}

TEST_F(MadeObjectsTest, AnAddressOfALoadBalancerIsForServicesThatHaveOne) {
  server_ = ServerOf("", {}, {});
  input_ =
      "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: r}\n"
      "spec: {selector: {a: b}}\n";
  std::vector<std::string> args = {"-f",
                                   "-",
                                   "--port=80",
                                   "--load-balancer-ip=192.0.2.1",
                                   "-o",
                                   "jsonpath={.spec.loadBalancerIP}",
                                   "--dry-run=client"};
  EXPECT_EQ(Run("expose", args), 0) << err_;
  EXPECT_EQ(out_, "");
  args.push_back("--type=LoadBalancer");
  EXPECT_EQ(Run("expose", args), 0) << err_;
  EXPECT_EQ(out_, "192.0.2.1");
}

}  // namespace
}  // namespace skiff::cli
