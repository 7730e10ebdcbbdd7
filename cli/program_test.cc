#include "cli/program.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

// A watch that never has anything to tell.
class Silence final : public http::StreamSource {
 public:
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>&) override {
    return http::Pulled::kIdle;
  }
};

TEST_F(ProgramTest, SaysWhatIsWrongWithFlags) {
  EXPECT_EQ(Run("get", {"pods", "--nope"}), 1);
  EXPECT_EQ(err_, "error: unknown flag: --nope\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(Run("convert", {"--nope"}), 1);
  EXPECT_EQ(err_, "error: unknown flag: --nope\nSee 'skiff convert --help' for usage.\n");
  EXPECT_EQ(Run("get", {"pods", "-Z"}), 1);
  EXPECT_EQ(err_,
            "error: unknown shorthand flag: 'Z' in -Z\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(Run("get", {"pods", "--namespace"}), 1);
  EXPECT_EQ(err_,
            "error: flag needs an argument: --namespace\nSee 'kubectl get --help' for usage.\n");
  EXPECT_EQ(Run("set", {"foo"}), 1);
  EXPECT_EQ(err_, "error: unknown command \"foo\"\nSee 'kubectl set -h' for help and examples\n");
}

TEST_F(ProgramTest, SaysWhatIsWrongWithFlagsOfNoVerb) {
  Environment environment = MakeEnvironment();
  EXPECT_TRUE(RefusesFlags(environment, "", {"--verison"}));
  EXPECT_EQ(err_, "error: unknown flag: --verison\nSee 'kubectl --help' for usage.\n");
  err_.clear();
  EXPECT_TRUE(RefusesFlags(environment, "", {"-n"}));
  EXPECT_THAT(err_, testing::EndsWith("\nSee 'kubectl --help' for usage.\n"));
  err_.clear();
  EXPECT_FALSE(RefusesFlags(environment, "", {"--kubeconfig=/nowhere", "-v", "5"}));
  EXPECT_FALSE(RefusesFlags(environment, "", {"--verison", "--help"}));
  EXPECT_EQ(err_, "");
}

TEST_F(ProgramTest, WhatIsPatchedHereGetsNoNamespace) {
  server_ = [](const http::Request& request) {
    http::Response response;
    response.body = request.path == "/api/v1"
                        ? R"({"groupVersion": "v1", "resources": [{"name": "configmaps",
                              "kind": "ConfigMap", "namespaced": true, "verbs": ["get"]}]})"
                    : request.path == "/api" ? R"({"versions": ["v1"]})"
                                             : R"({"groups": []})";
    return response;
  };
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})";
  EXPECT_EQ(Run("patch", {"-f", "-", "--local", "--type=merge", "-p", R"({"data": {"a": "b"}})",
                          "-o", "json"}),
            0)
      << err_;
  EXPECT_NE(out_.find("\"a\": \"b\""), std::string::npos) << out_;
  EXPECT_EQ(out_.find("namespace"), std::string::npos) << out_;
  const auto refused = [&](const char* patch) {
    EXPECT_EQ(Run("patch", {"-f", "-", "--local", "--type=json", "-p", patch}), 1);
    return err_;
  };
  EXPECT_EQ(refused(R"([{"op": "remove", "path": "/data/a"}])"),
            "error: remove operation does not apply: doc is missing path: \"/data/a\": missing "
            "value\n");
  EXPECT_EQ(refused(R"([{"op": "replace", "path": "/metadata/finalizers/0", "value": "f"}])"),
            "error: replace operation does not apply: doc is missing path: "
            "/metadata/finalizers/0: missing value\n");
  EXPECT_EQ(refused(R"([{"op": "add", "path": "/l", "value": []},
                        {"op": "replace", "path": "/l/0", "value": 1}])"),
            "error: Object to be patched is missing field (/l/0: missing value)\n");
}

TEST_F(ProgramTest, ASelectorThatIsSoAlreadyIsSaidToBeUpdated) {
  server_ = [](const http::Request& request) {
    http::Response response;
    response.body =
        request.path == "/api/v1"
            ? R"({"groupVersion": "v1", "resources": [{"name": "services", "kind": "Service",
                  "namespaced": true, "verbs": ["get"], "shortNames": ["svc"]}]})"
        : request.path == "/api" ? R"({"versions": ["v1"]})"
        : request.path == "/apis"
            ? R"({"groups": []})"
            : R"({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s",
                  "namespace": "default"}, "spec": {"selector": {"a": "b"}}})";
    return response;
  };
  EXPECT_EQ(Run("set", {"selector", "service/s", "a=b"}), 0) << err_;
  EXPECT_EQ(out_, "service/s selector updated\n");
}

TEST_F(ProgramTest, WhatIsReplacedByForceIsNotTriedOut) {
  int asked = 0;
  server_ = [&](const http::Request& request) {
    asked += request.method == "DELETE" ? 1 : 0;
    return http::Response{};
  };
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})";
  for (const char* how : {"--dry-run=client", "--dry-run=server"}) {
    EXPECT_EQ(Run("replace", {"--force", how, "-f", "-"}), 1);
    EXPECT_EQ(err_, "error: --dry-run can not be used when --force is set\n");
  }
  EXPECT_EQ(asked, 0);
}

TEST_F(ProgramTest, RawRequestsAreSentAndAnsweredAsTheyAre) {
  std::string asked;
  server_ = [&](const http::Request& request) {
    asked = request.method + " " + request.target + " " + request.body;
    http::Response response;
    response.body = "as it is";
    return response;
  };
  input_ = "{ }";
  EXPECT_EQ(Run("create", {"--raw", "/a/b?c=d", "-f", "-"}), 0) << err_;
  EXPECT_EQ(asked, "POST /a/b?c=d { }");
  EXPECT_EQ(out_, "as it is");
  EXPECT_EQ(Run("replace", {"--raw", "/a", "-f", "-"}), 0) << err_;
  EXPECT_EQ(asked, "PUT /a { }");
  EXPECT_EQ(Run("delete", {"--raw", "/a"}), 0) << err_;
  EXPECT_EQ(asked, "DELETE /a ");
  EXPECT_EQ(Run("create", {"--raw", "/a"}), 1);
  EXPECT_EQ(err_, "error: must specify one of -f and -k\n");
  EXPECT_EQ(Run("create", {"--raw", "a", "-f", "-"}), 1);
  EXPECT_EQ(err_,
            "error: --raw must be a valid URL path: parse \"a\": invalid URI for request\n");
  EXPECT_EQ(Run("create", {"--raw", "/a", "-f", "-", "-f", "b"}), 1);
  EXPECT_EQ(err_, "error: --raw can only use a single local file or stdin\n");
  EXPECT_EQ(Run("create", {"--raw", "/a", "-f", "-", "--edit"}), 1);
  EXPECT_EQ(err_, "error: --raw and --edit are mutually exclusive\n");
}

TEST_F(ProgramTest, VerbosityShowsTheRequests) {
  server_ = [](const http::Request&) {
    http::Response response;
    response.headers.emplace("Audit-Id", "7");
    response.body = "{" + std::string(2000, ' ') + "}";
    return response;
  };
  EXPECT_EQ(Run("get", {"--raw", "/x?a=b", "-v5"}), 0) << err_;
  EXPECT_EQ(err_, "");
  EXPECT_EQ(Run("get", {"--raw", "/x?a=b", "-v=6"}), 0);
  EXPECT_NE(err_.find("] \"Response\" verb=\"GET\" url=\""), std::string::npos) << err_;
  EXPECT_NE(err_.find("/x?a=b\" status=\"200 OK\" milliseconds="), std::string::npos) << err_;
  EXPECT_EQ(err_.find("Audit-Id"), std::string::npos);
  EXPECT_EQ(Run("get", {"--raw", "/x", "--v=8", "--token=secret"}), 0);
  EXPECT_NE(err_.find("\tAuthorization: Bearer <masked>\n"), std::string::npos) << err_;
  EXPECT_EQ(err_.find("secret"), std::string::npos) << err_;
  EXPECT_NE(err_.find("\tAudit-Id: 7\n"), std::string::npos);
  EXPECT_NE(err_.find(" [truncated 978 chars]"), std::string::npos);
}

// A flag that is taken and not heeded would write what was only to be shown.
TEST_F(ProgramTest, AVerbThatAlwaysWritesHasNoDryRun) {
  const std::pair<const char*, std::vector<std::string>> lines[] = {
      {"edit", {"cm", "c"}},
      {"create", {"token", "default"}},
      {"rollout", {"history", "deploy/web"}},
      {"rollout", {"pause", "deploy/web"}},
      {"rollout", {"restart", "deploy/web"}},
      {"rollout", {"resume", "deploy/web"}}};
  server_ = [](const http::Request&) {
    ADD_FAILURE() << "nothing may be asked of the server";
    return http::Response();
  };
  for (auto [verb, words] : lines) {
    const std::string name = words[0] == "cm" ? verb : verb + (" " + words[0]);
    words.push_back("--dry-run=client");
    EXPECT_EQ(Run(verb, words), 1) << name;
    EXPECT_EQ(err_, "error: unknown flag: --dry-run\nSee 'kubectl " + name +
                        " --help' for usage.\n");
  }
}

// As kubectl 1.35 refuses them.
TEST_F(ProgramTest, WhatWouldBeIgnoredIsRefused) {
  server_ = [](const http::Request& request) {
    http::Response response;
    response.body = request.path == "/api/v1"
                        ? R"({"groupVersion": "v1", "resources": [{"name": "pods", "kind": "Pod",
                              "namespaced": true, "verbs": ["get", "list"]}]})"
                    : request.path == "/api" ? R"({"versions": ["v1"]})"
                                             : R"({"groups": []})";
    return response;
  };
  const struct {
    const char* verb;
    std::vector<std::string> words;
    const char* error;
  } lines[] = {
      {"get", {"pods", "--subresource=status"},
       "subresource cannot be used when bulk resources are specified\n"},
      {"get", {"pods", "--output-watch-events"},
       "--output-watch-events option can only be used with --watch or --watch-only\n"},
      {"apply", {"-f", "/x", "--force-conflicts"},
       "--force-conflicts only works with --server-side\n"},
      {"api-versions", {"a", "b"},
       "unexpected arguments: [a b]\nSee 'kubectl api-versions -h' for help and examples\n"},
      {"version", {"a"}, "extra arguments: [a]\n"},
      {"create", {"clusterrole", "x", "--verb=get", "--non-resource-url=a"},
       "nonResourceURL should start with /\n"},
      {"delete", {"pod", "x", "--now", "--force"},
       "--force and --grace-period greater than 0 cannot be specified together\n"},
      {"run", {"x", "--image=i", "--port=abc"},
       "strconv.Atoi: parsing \"abc\": invalid syntax\n"},
      {"get", {"pods", "--as-group=g"},
       "requesting uid, groups or user-extra for  without impersonating a user\n"}};
  for (const auto& [verb, words, error] : lines) {
    EXPECT_EQ(Run(verb, words), 1) << verb;
    EXPECT_EQ(err_, std::string("error: ") + error);
  }
}

// Lines as kubectl 1.35 prints them.
TEST_F(ProgramTest, JsonObjectsFollowOneAnotherInAFile) {
  server_ = [](const http::Request&) { return http::Response(); };  // It is not needed.
  const auto create = [this](const std::string& input) {
    input_ = input;
    return Run("create", {"--dry-run=client", "-o", "name", "-f", "-"});
  };
  const auto map = [](const std::string& name) {
    return R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")" + name + R"("}})";
  };
  EXPECT_EQ(create(map("a1") + map("b1")), 0) << err_;
  EXPECT_EQ(out_, "configmap/a1\nconfigmap/b1\n");
  EXPECT_EQ(create("\n" + map("a1") + "\nnull\n" + map("b1") + " # the last\n"), 0) << err_;
  EXPECT_EQ(out_, "configmap/a1\nconfigmap/b1\n");
  // What is no JSON is YAML from there on.
  EXPECT_EQ(create(map("a1") + "{apiVersion: v1, kind: ConfigMap, metadata: {name: b1}}\n---\n" +
                   map("c1")),
            0)
      << err_;
  EXPECT_EQ(out_, "configmap/a1\nconfigmap/b1\nconfigmap/c1\n");
  const std::pair<std::string, std::string> wrong[] = {
      {" garbage", "validating \"STDIN\": error validating data: invalid object to validate"},
      {"\n\nfoo: bar", "validating \"STDIN\": error validating data: [apiVersion not set, "},
      {"}", "parsing STDIN: json: offset 64: invalid character '}' looking for beginning of "},
      {",", "parsing STDIN: json: offset 64: invalid character ',' looking for beginning of "},
      {"{\"a\":\"x", "parsing STDIN: unexpected EOF\n"}};
  for (const auto& [text, error] : wrong) {
    EXPECT_EQ(create(map("a1") + text), 1) << text;
    EXPECT_EQ(out_, "configmap/a1\n") << text;
    EXPECT_TRUE(err_.starts_with("error: error " + error)) << err_;
  }
  EXPECT_EQ(create("{a: b"), 1);
  EXPECT_EQ(err_,
            "error: error parsing STDIN: json: offset 2: invalid character 'a' looking for "
            "beginning of object key string\n");
}

TEST_F(ProgramTest, ADryRunHereShowsTheChangedObject) {
  server_ = [](const http::Request& request) {
    EXPECT_EQ(request.method, "GET");
    http::Response response;
    response.status = 200;
    response.content_type = "application/json";
    response.body =
        request.path.ends_with("nodes/n")
            ? R"({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {}})"
            : R"({"apiVersion": "apps/v1", "kind": "Deployment",
                  "metadata": {"name": "web", "namespace": "default"},
                  "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "a"}]}}}})";
    return response;
  };
  const auto shown = [this](const std::string& verb, std::vector<std::string> words,
                            const char* path) {
    words.insert(words.end(), {"--dry-run=client", "-o", std::string("jsonpath=") + path});
    EXPECT_EQ(Run(verb, words), 0) << err_;
    return out_;
  };
  const std::string container = "{.spec.template.spec.containers[0]";
  EXPECT_EQ(shown("set", {"image", "deploy/web", "c=b"}, (container + ".image}").c_str()), "b");
  EXPECT_EQ(shown("set", {"env", "deploy/web", "A=1"}, (container + ".env[0].value}").c_str()),
            "1");
  EXPECT_EQ(shown("set", {"resources", "deploy/web", "--limits=cpu=1"},
                  (container + ".resources.limits.cpu}").c_str()),
            "1");
  EXPECT_EQ(
      shown("set", {"sa", "deploy/web", "robot"}, "{.spec.template.spec.serviceAccountName}"),
      "robot");
  EXPECT_EQ(shown("label", {"deploy/web", "a=b"}, "{.metadata.labels.a}"), "b");
  EXPECT_EQ(shown("annotate", {"deploy/web", "a=c"}, "{.metadata.annotations.a}"), "c");
  EXPECT_EQ(shown("taint", {"node", "n", "k=v:NoSchedule"}, "{.spec.taints[0].value}"), "v");
}

TEST_F(ProgramTest, LocalChangesStayHere) {
  server_ = [](const http::Request& request) {
    ADD_FAILURE() << request.method << " " << request.path;
    return http::Response();
  };
  input_ = R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
               "spec": {"containers": [{"name": "c", "image": "i"}]}})";
  const auto shown = [this](const std::string& verb, std::vector<std::string> words,
                            const char* path) {
    words.insert(words.end(), {"--local", "-f", "-", "-o", std::string("jsonpath=") + path});
    EXPECT_EQ(Run(verb, words), 0) << err_;
    return out_;
  };
  EXPECT_EQ(shown("set", {"image", "c=j"}, "{.spec.containers[0].image}"), "j");
  EXPECT_EQ(shown("set", {"env", "A=1"}, "{.spec.containers[0].env[0].value}"), "1");
  EXPECT_EQ(shown("label", {"x=y"}, "{.metadata.labels}"), R"({"a":"b","x":"y"})");
  EXPECT_EQ(shown("annotate", {"x=y"}, "{.metadata.annotations.x}"), "y");
  const std::string pod = input_;
  input_ = R"({"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "f"}})";
  EXPECT_EQ(shown("label", {"x=y"}, "{.metadata}"), R"({"labels":{"x":"y"},"name":"f"})");
  EXPECT_EQ(Run("label", {"x=y", "--local", "-f", "-"}), 0) << err_;
  EXPECT_EQ(out_, "foo.example.com/f labeled\n");
  input_ = pod;
  EXPECT_EQ(Run("set", {"env", "A B=1", "--local", "-f", "-"}), 1);
  EXPECT_TRUE(err_.starts_with("error: \"A B\" is not a valid key name: a valid environment "))
      << err_;
  EXPECT_EQ(Run("set", {"image", "pod/p", "c=j", "--local"}), 1);
  EXPECT_TRUE(err_.starts_with("error: you must specify resources by --filename when --local is"));
  EXPECT_EQ(Run("label", {"pod/p", "x=y", "--local"}), 1);
  EXPECT_EQ(err_,
            "error: can only use local files by -f pod.yaml or --filename=pod.json when "
            "--local=true is set\n");
}

TEST_F(ProgramTest, ATokenIsBoundToWhatItCanBeBoundTo) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--bound-object-kind=Deployment", "--bound-object-name=d"},
       "supported --bound-object-kind values are Node, Pod, Secret"},
      {{"--bound-object-kind=Pod"},
       "--bound-object-name is required if --bound-object-kind is provided"},
      {{"--bound-object-name=p"},
       "--bound-object-name can only be set if --bound-object-kind is provided"},
      {{"--bound-object-uid=u"},
       "--bound-object-uid can only be set if --bound-object-kind is provided"}};
  for (const auto& [flags, error] : cases) {
    std::vector<std::string> args = {"token", "default"};
    args.insert(args.end(), flags.begin(), flags.end());
    EXPECT_EQ(Run("create", args), 1);
    EXPECT_EQ(err_, std::string("error: ") + error + "\n");
  }
}

// 1 would say that there is a difference.
TEST_F(ProgramTest, DiffTellsTroubleFromADifference) {
  EXPECT_EQ(Run("diff", {"-f", "/nowhere/none.yaml"}), 2);
  EXPECT_EQ(err_, "error: the path \"/nowhere/none.yaml\" does not exist\n");
  EXPECT_EQ(Run("diff", {"--nope"}), 2);
  EXPECT_EQ(Run("diff", {}), 2);
  input_ = "{}";
  EXPECT_EQ(Run("diff", {"-f", "-"}), 2) << "no server";
  server_ = [](const http::Request&) { return http::Response(); };
  EXPECT_EQ(Run("diff", {"-f", "-"}), 2) << "no kind";
  EXPECT_EQ(Run("diff", {"--help"}), 0);
}

TEST_F(ProgramTest, NamesHaveTheirKindWhereThereAreOthers) {
  const auto list_of = [](const char* kind, const std::string& items) {
    return std::string(R"({"apiVersion": "example.com/v1", "kind": ")") + kind +
           R"(List", "items": [)" + items + "]}";
  };
  const std::string one = R"({"metadata": {"name": "one"}})";
  server_ = ServerOf("example.com", {{"widgets", "Widget"}},
                     {{"/apis/example.com/v1/namespaces/default/widgets", list_of("Widget", one)},
                      {"/apis/example.com/v1/namespaces/default/widgets/one", one},
                      {"/api/v1/namespaces/default/pods", list_of("Pod", "")}});
  const auto name_of = [&](const std::vector<std::string>& words) {
    Run("get", words);
    const size_t line = out_.find('\n') + 1;
    return out_.substr(line, out_.find(' ', line) - line);
  };
  EXPECT_EQ(name_of({"kinds-of-it"}), "one") << "a category of one kind";
  EXPECT_EQ(name_of({"widgets,widgets"}), "one");
  EXPECT_EQ(name_of({"pods,widgets"}), "widget.example.com/one");
  EXPECT_EQ(name_of({"pod/nope", "widget/one"}), "one") << "there is no pod to tell it from";
}

TEST_F(ProgramTest, ATemplateAloneIsAGoTemplate) {
  server_ = [](const http::Request&) {
    http::Response response;
    response.status = 200;
    response.content_type = "application/json";
    response.body = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})";
    return response;
  };
  EXPECT_EQ(Run("get", {"cm", "c", "--template={{.metadata.name}}"}), 0) << err_;
  EXPECT_EQ(out_, "c");
  EXPECT_EQ(Run("create", {"cm", "c", "--dry-run=client", "--template={{.kind}}"}), 0) << err_;
  EXPECT_EQ(out_, "ConfigMap");
  EXPECT_EQ(Run("get", {"cm", "c", "--template={{.kind}}{{.kind.x}}"}), 1);
  const std::string why =
      "template: output:1:16: executing \"output\" at <.kind.x>: can't evaluate field x in type "
      "interface {}";
  EXPECT_EQ(out_, "ConfigMapError executing template: " + why +
                      ". Printing more information for debugging the template:\n\ttemplate was:\n"
                      "\t\t{{.kind}}{{.kind.x}}\n\traw data was:\n\t\t{\"apiVersion\":\"v1\","
                      "\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}}\n\tobject given to "
                      "template engine was:\n\t\tmap[apiVersion:v1 kind:ConfigMap "
                      "metadata:map[name:c]]\n\n");
  EXPECT_EQ(err_, "error: error executing template \"{{.kind}}{{.kind.x}}\": " + why + "\n");
}

TEST_F(ProgramTest, ATlsSecretHoldsAKeyAndItsCertificate) {
  const std::string file = testing::TempDir() + "/program_test_no.pem";
  std::ofstream(file) << "nope\n";
  server_ = [](const http::Request&) {
    ADD_FAILURE() << "nothing may be made";
    return http::Response();
  };
  EXPECT_EQ(Run("create", {"secret", "tls", "t", "--cert=" + file, "--key=" + file}), 1);
  EXPECT_EQ(err_, "error: tls: failed to find any PEM data in certificate input\n");
}

TEST_F(ProgramTest, AWatchEndsWhenItsTimeIsOver) {
  int requests = 0;
  server_ = [&](const http::Request&) {
    http::Response response;
    response.status = 200;
    if (++requests == 2) {
      response.stream = std::make_unique<Silence>();
    } else {
      response.content_type = "application/json";
      response.body = R"({"apiVersion": "v1", "kind": "ConfigMapList", "items": []})";
    }
    return response;
  };
  EXPECT_EQ(Run("get", {"cm", "-w", "-o", "name", "--request-timeout=10ms"}), 0) << err_;
  EXPECT_EQ(requests, 2);
  EXPECT_EQ(err_, "");
  requests = 0;
  EXPECT_EQ(Run("get", {"cm", "-w", "-o", "name", "--request-timeout=10ms", "-v=5"}), 0) << err_;
  EXPECT_THAT(
      err_, testing::EndsWith("] \"Unable to decode an event from the watch stream\" err=\"context "
                              "deadline exceeded (Client.Timeout or context cancellation while "
                              "reading body)\"\n"));
}

TEST_F(ProgramTest, ApiResourcesComeInTheFormAskedFor) {
  server_ = [](const http::Request& request) {
    http::Response response;
    response.status = 200;
    response.content_type = "application/json";
    response.body = request.path == "/api/v1"
                        ? R"({"resources": [{"name": "pods", "singularName": "pod", "kind": "Pod",
                              "namespaced": true, "verbs": ["get"], "shortNames": ["po"]}]})"
                        : R"({"groups": []})";
    return response;
  };
  EXPECT_EQ(Run("api-resources", {"-o", "bogus"}), 1);
  EXPECT_EQ(err_,
            "error: unable to match a printer suitable for the output format \"bogus\", allowed "
            "formats are: json,kyaml,name,wide,yaml\n");
  // A letter takes "=" alone for its value, a long name does not.
  EXPECT_EQ(Run("api-resources", {"-o="}), 1);
  EXPECT_EQ(err_,
            "error: unable to match a printer suitable for the output format \"=\", allowed "
            "formats are: json,kyaml,name,wide,yaml\n");
  EXPECT_EQ(Run("api-resources", {"--output="}), 0) << err_;
  EXPECT_EQ(Run("api-resources", {"--show-managed-fields", "-o", "yaml"}), 0) << err_;
  EXPECT_EQ(Run("api-resources", {"-o", "yaml"}), 0) << err_;
  EXPECT_EQ(out_,
            "apiVersion: v1\ngroupVersion: \"\"\nkind: APIResourceList\nresources:\n- kind: Pod\n"
            "  name: pods\n  namespaced: true\n  shortNames:\n  - po\n  singularName: pod\n"
            "  verbs:\n  - get\n  version: v1\n");
  EXPECT_EQ(Run("version", {"--short"}), 1) << "kubectl has it no more";
  EXPECT_EQ(Run("version", {"--client", "-o", "json"}), 0) << err_;
  EXPECT_TRUE(
      out_.starts_with("{\n  \"clientVersion\": {\n    \"major\": \"1\",\n    "
                       "\"minor\": \"35\",\n    \"gitVersion\": \""))
      << out_;
}

TEST_F(ProgramTest, WhatAnExtensionSaysOfItsKindsMayBeAnything) {
  server_ = [](const http::Request& request) {
    http::Response response;
    response.status = 200;
    response.content_type = "application/json";
    response.body = R"({"resources": []})";
    if (request.path == "/apis") {
      response.body = R"({"groups": [{"name": "evil", "versions": [{"groupVersion": "evil/v1"}],
                          "preferredVersion": {"groupVersion": "evil/v1"}}]})";
    } else if (request.path == "/apis/evil/v1") {
      response.body = R"({"resources": ["x", {"name": 5}, {"name": "traps", "kind": "Trap",
                          "namespaced": "yes", "verbs": ["list", 7]}]})";
    }
    return response;
  };
  EXPECT_EQ(Run("api-resources", {"-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "traps.evil\n");
}

TEST_F(ProgramTest, FlagsOfAllVerbsMayComeFirst) {
  EXPECT_TRUE(IsCliLine({"get", "pods"}));
  EXPECT_TRUE(IsCliLine({"-n", "x", "get", "pods"}));
  EXPECT_TRUE(IsCliLine({"--context=a", "--insecure-skip-tls-verify", "-v=6", "get", "pods"}));
  EXPECT_FALSE(IsCliLine({"-n", "get"}));
  EXPECT_FALSE(IsCliLine({"--data-dir", "x", "apiserver"}));
  EXPECT_FALSE(IsCliLine({"--nope"}));
}

TEST_F(ProgramTest, AServerOfAnotherVersionIsRefusedWhereThatIsAsked) {
  std::string version = "v1.34.1";
  server_ = [&](const http::Request& request) {
    http::Response response;
    response.status = 200;
    response.content_type = "application/json";
    response.body = request.path == "/version" ? R"({"major": "1", "gitVersion": ")" + version +
                                                     R"("})"
                                               : "ok";
    return response;
  };
  EXPECT_EQ(Run("get", {"--raw=/livez"}), 0) << err_;
  EXPECT_EQ(Run("get", {"--raw=/livez", "--match-server-version"}), 1);
  EXPECT_TRUE(err_.starts_with("error: server version (&version.Info{Major:\"1\", Minor:\"\""))
      << err_;
  EXPECT_NE(err_.find(") differs from client version (version.Info{"), std::string::npos) << err_;
  EXPECT_EQ(out_, "");
  version = "v1.35.60";
  EXPECT_EQ(Run("get", {"--raw=/livez", "--match-server-version"}), 1);
  version = "v1.35.6+skiff";
  EXPECT_EQ(Run("get", {"--raw=/livez", "--match-server-version"}), 0) << err_;
  EXPECT_EQ(out_, "ok");
}

TEST_F(ProgramTest, WarningsAreErrorsWhereThatIsAsked) {
  int warnings = 1;
  server_ = [&](const http::Request&) {
    http::Response response;
    response.status = 200;
    response.body = "ok";
    for (int i = 0; i < warnings; ++i) {
      response.headers.emplace("Warning", "299 - \"old " + std::to_string(i) + "\"");
    }
    return response;
  };
  EXPECT_EQ(Run("get", {"--raw=/x"}), 0);
  EXPECT_EQ(err_, "Warning: old 0\n");
  EXPECT_EQ(Run("get", {"--raw=/x", "--warnings-as-errors"}), 1);
  EXPECT_EQ(err_, "Warning: old 0\nerror: 1 warning received\n");
  warnings = 2;
  EXPECT_EQ(Run("get", {"--raw=/x", "--warnings-as-errors"}), 1);
  EXPECT_TRUE(err_.ends_with("error: 2 warnings received\n")) << err_;
  warnings = 0;
  EXPECT_EQ(Run("get", {"--raw=/x", "--warnings-as-errors"}), 0);
}

TEST_F(ProgramTest, EachFormOfASecretHasFlagsOfItsOwn) {
  const std::pair<const char*, std::vector<const char*>> forms[] = {
      {"generic", {"--from-literal", "--from-env-file", "--from-file", "--type"}},
      {"tls", {"--cert", "--key"}},
      {"docker-registry", {"--docker-server", "--from-file"}}};
  for (const auto& [form, own] : forms) {
    ASSERT_EQ(Run("create", {"secret", form, "--help"}), 0) << err_;
    EXPECT_NE(out_.find("Usage:\n  kubectl create secret " + std::string(form)),
              std::string::npos) << out_;
    for (const char* flag : {"--from-literal", "--from-env-file", "--from-file", "--type", "--cert",
                             "--key", "--docker-server"}) {
      const bool has = std::find(own.begin(), own.end(), std::string(flag)) != own.end();
      EXPECT_EQ(out_.find(flag + std::string("=")) != std::string::npos, has) << form << flag;
    }
  }
  EXPECT_EQ(Run("create", {"secret", "tls", "n", "--from-literal=a=b"}), 1);
  EXPECT_TRUE(err_.starts_with("error: unknown flag: --from-literal\n")) << err_;
  EXPECT_EQ(Run("create", {"secret", "opaque", "n"}), 1);
  EXPECT_TRUE(err_.starts_with("error: unknown command \"opaque n\"")) << err_;
}

TEST(VerbsTextTest, HasEachVerbOnceWithWhatItIsFor) {
  const std::string all = VerbsText(/*is_kubectl=*/false);
  for (const std::string& verb : CliVerbs()) {
    const size_t at = all.find("\n  " + verb + " ");
    ASSERT_NE(at, std::string::npos) << verb;
    EXPECT_EQ(all.find("\n  " + verb + " ", at + 1), std::string::npos) << verb;
    EXPECT_GT(all.find('\n', at + 1), at + 25) << verb << " is for what?";
  }
  const std::string kubectls = VerbsText(/*is_kubectl=*/true);
  EXPECT_EQ(kubectls.find("\n  why "), std::string::npos);
  EXPECT_NE(kubectls.find("Deploy Commands:\n  rollout "), std::string::npos);
}

}  // namespace
}  // namespace skiff::cli
