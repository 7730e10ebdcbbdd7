// A webhook that is asked who may do what, or hangs, as users of the server see it.
#include "apiserver/authorization/access_webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "apiserver/authorization/authorizers.h"
#include "apiserver/tokens/outside_fixture.h"
#include "base/text.h"

namespace skiff {
namespace {

using testing::HasSubstr;

class AccessWebhookTest : public OutsideFixture {
 protected:
  AccessWebhookTest() {
    directory_ = std::filesystem::temp_directory_path() /
                 ("access-" + std::to_string(::getpid()) + "-" + std::to_string(port_));
    std::filesystem::create_directories(directory_);
    // It may come to that when the test is over.
    Show("/review", [this, gone = gone_](const http::Request& request) {
      const Json review = Json::parse(request.body);
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(review);
      }
      const Json resource = review["spec"].value("resourceAttributes", Json::object());
      const std::string name = resource.value("name", "");
      http::Response response;
      response.content_type = "application/json";
      if (name == "hangs") gone.wait();
      if (name == "fails") response.status = 403;
      if (name == "mayhardly" && resource["verb"] == "create") response.status = 403;
      Json status = {{"allowed", name.starts_with("may")}, {"reason", "it said so"}};
      if (name == "denied" || name == "maydenied") status["denied"] = true;
      Json answer = Json::object();
      answer["apiVersion"] = review["apiVersion"];
      answer["kind"] = "SubjectAccessReview";
      answer["status"] = status;
      response.body = answer.dump();
      return response;
    });
  }
  ~AccessWebhookTest() override { std::filesystem::remove_all(directory_); }

  std::string Kubeconfig(const std::string& server) {
    const std::string path = directory_ / "webhook.kubeconfig";
    const std::string ca = directory_ / "ca.pem";
    std::ofstream(ca) << authority_.certificate_pem();
    std::ofstream(path) << R"({"current-context": "a", "clusters": [{"name": "a", "cluster": {
        "server": ")" << server
                        << R"(", "certificate-authority": ")" << ca << R"("}}],
        "users": [{"name": "a", "user": {}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]})";
    return path;
  }
  // One webhook with `more` fields, and who is asked after it.
  std::string FileWith(const std::string& policy, const std::string& more = "{}",
                       const std::string& after = "RBAC") {
    Json webhook = Json::parse(R"({"timeout": "5s", "subjectAccessReviewVersion": "v1",
        "connectionInfo": {"type": "KubeConfigFile"}})");
    webhook["failurePolicy"] = policy;
    webhook["connectionInfo"]["kubeConfigFile"] = Kubeconfig(Url("/review"));
    webhook.update(Json::parse(more));
    Json file = Json::parse(R"({"apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration",
        "authorizers": [{"type": "Webhook", "name": "hook"}]})");
    file["authorizers"][0]["webhook"] = webhook;
    if (after.empty()) return file.dump();
    Json next = Json::object();
    next["type"] = after;
    next["name"] = Lower(after);
    file["authorizers"].push_back(next);
    return file.dump();
  }
  static std::string Conditions(const std::vector<std::string>& expressions) {
    Json more = Json::parse(R"({"matchConditionSubjectAccessReviewVersion": "v1"})");
    for (const std::string& each : expressions) {
      Json condition = Json::object();
      condition["expression"] = each;
      more["matchConditions"].push_back(condition);
    }
    return more.dump();
  }
  void StartAuthorizing(const std::string& file) {
    AuthorizationOptions options{.configuration = *LoadAuthorization(file, {}), .file_text = file};
    StartAuthorizing(std::move(options));
  }
  void StartAuthorizing(AuthorizationOptions options) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    server_ = *ApiServer::Create(
        {.authorization = std::make_shared<const AuthorizationOptions>(std::move(options)),
         .token_file_text = kTokens,
         .advertise_address = "192.0.2.7"},
        {*store_, clock_, random_, nullptr, {}, {}, &loops_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  Answer GetAs(const std::string& name, const std::string& token = "alice") {
    return Ask("GET", "/api/v1/namespaces/default/pods/" + name, "", "", token);
  }
  Json LastSpec() {
    const std::lock_guard lock(mutex_);
    return seen_.empty() ? Json() : seen_.back()["spec"];
  }
  std::string Metrics() { return Get("/metrics").response.body; }

  // Of one of many: those that run, and those that wait.
  static constexpr int kInPlaceOfOne = 64 + 64;

  std::filesystem::path directory_;
  std::vector<Json> seen_;
  std::promise<void> go_;
  const std::shared_future<void> gone_ = go_.get_future().share();
};

TEST_F(AccessWebhookTest, DecidesAndIsRemembered) {
  StartAuthorizing(FileWith("NoOpinion"));
  EXPECT_EQ(GetAs("may").code, 404);
  EXPECT_EQ(LastSpec(), Json::parse(R"j({"resourceAttributes": {"namespace": "default",
      "verb": "get", "version": "v1", "resource": "pods", "name": "may"}, "user": "alice",
      "groups": ["dev", "system:authenticated"], "uid": "u2"})j"));
  EXPECT_EQ(GetAs("may").code, 404);
  EXPECT_EQ(Asked("/review"), 1);
  clock_.Advance(5min);
  EXPECT_EQ(GetAs("may").code, 404);
  EXPECT_EQ(Asked("/review"), 2);
  const Answer not_said = GetAs("other");
  EXPECT_EQ(not_said.code, 403);
  EXPECT_EQ(not_said.message(),
            "pods \"other\" is forbidden: User \"alice\" cannot get resource \"pods\" in API group "
            "\"\" in the namespace \"default\": it said so");
  EXPECT_EQ(GetAs("other").code, 403);
  EXPECT_EQ(Asked("/review"), 3);
  clock_.Advance(30s);
  EXPECT_EQ(GetAs("other").code, 403);
  EXPECT_EQ(Asked("/review"), 4);
  // Members of system:masters nobody has to be asked about.
  EXPECT_EQ(GetAs("denied", "admin").code, 404);
  EXPECT_EQ(Asked("/review"), 4);
  EXPECT_THAT(Metrics(), HasSubstr("apiserver_authorization_decisions_total{type=\"Webhook\","
                                   "name=\"hook\",decision=\"allowed\"} "));
  EXPECT_THAT(Metrics(), HasSubstr("apiserver_authorization_webhook_evaluations_total{name=\"hook\""
                                   ",result=\"success\"} 4"));
}

TEST_F(AccessWebhookTest, IsRememberedForNobodyElse) {
  StartAuthorizing(FileWith("NoOpinion"));
  EXPECT_EQ(GetAs("may").code, 404);
  int asked = Asked("/review");
  const auto is_asked_anew = [&](const Answer& answer) {
    (void)answer;
    return Asked("/review") == ++asked;
  };
  EXPECT_TRUE(is_asked_anew(GetAs("may", "node1")));
  EXPECT_TRUE(is_asked_anew(Ask("DELETE", "/api/v1/namespaces/default/pods/may", "", "", "alice")));
  EXPECT_TRUE(is_asked_anew(Ask("GET", "/api/v1/namespaces/other/pods/may", "", "", "alice")));
  EXPECT_TRUE(
      is_asked_anew(Ask("GET", "/api/v1/namespaces/default/pods/may/status", "", "", "alice")));
  const std::string list = "/api/v1/namespaces/default/pods";
  EXPECT_TRUE(is_asked_anew(Ask("GET", list, "", "", "alice")));
  EXPECT_TRUE(is_asked_anew(Ask("GET", list + "?labelSelector=a=b", "", "", "alice")));
  EXPECT_EQ(LastSpec()["resourceAttributes"]["labelSelector"]["requirements"].dump(),
            R"([{"key":"a","operator":"In","values":["b"]}])");
  EXPECT_TRUE(is_asked_anew(Ask("GET", list + "?fieldSelector=spec.nodeName=x", "", "", "alice")));
  EXPECT_EQ(LastSpec()["resourceAttributes"]["fieldSelector"]["requirements"].dump(),
            R"([{"key":"spec.nodeName","operator":"In","values":["x"]}])");
}

TEST_F(AccessWebhookTest, FailsClosedOrLetsOthersDecide) {
  StartAuthorizing(FileWith("Deny", "{}", "AlwaysAllow"));
  const Answer denied = GetAs("fails");
  EXPECT_EQ(denied.code, 500);
  EXPECT_THAT(
      denied.response.body,
      HasSubstr("Internal Server Error: \"/api/v1/namespaces/default/pods/fails\": the server "
                "answered with 403"));
  EXPECT_EQ(GetAs("fails").code, 500);
  EXPECT_EQ(Asked("/review"), 2);
  StopListening();
  EXPECT_EQ(GetAs("may").code, 500);
  Listen(port_);

  StartAuthorizing(FileWith("NoOpinion", "{}", "AlwaysAllow"));
  EXPECT_EQ(GetAs("fails").code, 404);
  EXPECT_THAT(Metrics(), HasSubstr("apiserver_authorization_webhook_evaluations_fail_open_total{"
                                   "name=\"hook\",result=\"error\"} 1"));
  // RBAC has no opinion either: that one could not be asked is what is said.
  StartAuthorizing(FileWith("NoOpinion"));
  EXPECT_EQ(GetAs("fails").code, 500);
}

TEST_F(AccessWebhookTest, WhatItDeniesNobodyAfterItAllows) {
  StartAuthorizing(FileWith("NoOpinion", "{}", "AlwaysAllow"));
  EXPECT_EQ(GetAs("other").code, 404);
  EXPECT_EQ(GetAs("denied").code, 403);
  const Answer both = GetAs("maydenied");
  EXPECT_EQ(both.code, 500);
  EXPECT_THAT(both.response.body, HasSubstr("returned both allow and deny response"));
}

TEST_F(AccessWebhookTest, IsAskedOnlyWhatItsConditionsSay) {
  const std::string more =
      Conditions({"has(request.resourceAttributes)", "request.resourceAttributes.name != 'other'",
                  "request.groups[5] == 'x' || request.user != 'system:node:node1'"});
  StartAuthorizing(FileWith("Deny", more));
  EXPECT_EQ(Ask("GET", "/nothing", "", "", "alice").code, 403);
  EXPECT_EQ(GetAs("other").code, 403);
  EXPECT_EQ(GetAs("other").code, 403);
  EXPECT_EQ(Asked("/review"), 0);
  EXPECT_THAT(Metrics(), HasSubstr("apiserver_authorization_match_condition_exclusions_total{"
                                   "type=\"Webhook\",name=\"hook\"} 3"));
  EXPECT_EQ(GetAs("may").code, 404);
  EXPECT_EQ(Asked("/review"), 1);
  const Answer untold = GetAs("may", "node1");
  EXPECT_EQ(untold.code, 500);
  EXPECT_THAT(untold.response.body, HasSubstr("cel evaluation error: expression"));
  EXPECT_EQ(Asked("/review"), 1);
}

TEST_F(AccessWebhookTest, OneThatHangsHarmsNobodyElseAndIsAskedOnce) {
  // What is remembered shall not hide that it is asked twice.
  Json more = Json::parse(Conditions({"true"}));
  more["cacheUnauthorizedRequests"] = false;
  StartAuthorizing(FileWith("Deny", more.dump()));
  EXPECT_EQ(GetAs("may").code, 404);
  std::vector<std::future<Answer>> hanging;
  for (int i = 0; i < 8; ++i) {
    hanging.push_back(std::async(std::launch::async, [&] { return GetAs("hangs"); }));
  }
  EXPECT_TRUE(Until([&] { return Asked("/review") == 2; }));
  // Conditions come right before the question, and were told of the first one as well.
  EXPECT_TRUE(Until([&] {
    return Metrics().find(
               "apiserver_authorization_match_condition_evaluation_seconds_count{"
               "type=\"Webhook\",name=\"hook\"} 9\n") != std::string::npos;
  }));
  EXPECT_FALSE(Until([&] { return Asked("/review") > 2; }, 10));
  EXPECT_EQ(GetAs("x", "admin").code, 404);
  EXPECT_EQ(GetAs("may").code, 404);
  for (auto& each : hanging) {
    EXPECT_EQ(each.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  }
  go_.set_value();
  for (auto& each : hanging) EXPECT_EQ(each.get().code, 403);
  EXPECT_EQ(Asked("/review"), 2);
}

TEST_F(AccessWebhookTest, WhoWaitsForOneThatHangsIsLetGoAtTheEnd) {
  StartAuthorizing(FileWith("Deny"));
  auto hanging = std::async(std::launch::async, [&] { return GetAs("hangs"); });
  EXPECT_TRUE(Until([&] { return Asked("/review") == 1; }));
  server_->EndCalls();
  EXPECT_EQ(hanging.get().code, 500);
  go_.set_value();
}

TEST_F(AccessWebhookTest, IsAskedWhetherSomebodyMayBeSomebodyElse) {
  StartAuthorizing(FileWith("NoOpinion"));
  const auto as = [&](const std::string& name) {
    return Ask({.path = "/api/v1/namespaces/default/pods/may",
                .token = "alice",
                .headers = {{"Impersonate-User", name}}});
  };
  EXPECT_EQ(as("maybob").code, 404);
  EXPECT_EQ(LastSpec()["user"], "maybob");
  EXPECT_EQ(as("bob").code, 403);
  EXPECT_EQ(as("fails").code, 403);
}

TEST_F(AccessWebhookTest, IsAskedWhatWritesNeed) {
  StartAuthorizing(FileWith("NoOpinion"));
  // What is not there yet is made by an apply, which takes another permission.
  const std::string path = "/api/v1/namespaces/default/configmaps/may1?fieldManager=m";
  const Answer made = Ask("PATCH", path, R"({"apiVersion": "v1", "kind": "ConfigMap",
                              "metadata": {"name": "may1"}})",
                          "application/apply-patch+yaml", "alice");
  EXPECT_EQ(made.code, 201) << made.response.body;
  EXPECT_EQ(Asked("/review"), 2);
  EXPECT_EQ(Ask("DELETE", "/api/v1/namespaces/default/configmaps/may1", "", "", "alice").code, 200);
  const Answer failed =
      Ask("PATCH", "/api/v1/namespaces/default/configmaps/mayhardly?fieldManager=m",
          R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mayhardly"}})",
          "application/apply-patch+yaml", "alice");
  EXPECT_EQ(failed.code, 500);
  EXPECT_EQ(failed.message(), "Internal error occurred: the server answered with 403");
}

TEST_F(AccessWebhookTest, StreamsTakeItsFailureForOne) {
  StartAuthorizing(FileWith("NoOpinion"));
  const auto exec = [&](const std::string& name) {
    return Ask({.path = "/api/v1/namespaces/default/pods/" + name + "/exec?command=a&stdout=true",
                .token = "alice",
                .headers = {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}});
  };
  EXPECT_EQ(exec("may").code, 404);
  const Answer failed = exec("mayhardly");
  EXPECT_EQ(failed.code, 500);
  EXPECT_EQ(failed.message(), "the server answered with 403");
}

TEST_F(AccessWebhookTest, WhatIsNoUtf8IsSentMended) {
  StartAuthorizing(FileWith("NoOpinion"));
  const std::string list = "/api/v1/namespaces/default/pods?fieldSelector=metadata.namespace!=";
  EXPECT_EQ(Ask("GET", list + "\xff", "", "", "alice").code, 403);
  EXPECT_EQ(LastSpec()["resourceAttributes"]["fieldSelector"]["requirements"][0]["values"][0],
            "\xef\xbf\xbd");
  EXPECT_EQ(GetAs("may\xff").code, 404);
  EXPECT_EQ(LastSpec()["resourceAttributes"]["name"], "may\xef\xbf\xbd");
  EXPECT_EQ(Ask("GET", "/may\xff", "", "", "alice").code, 403);
  EXPECT_EQ(LastSpec()["nonResourceAttributes"]["path"], "/may\xef\xbf\xbd");
  EXPECT_EQ(Ask({.path = "/api/v1/namespaces/default/pods/may",
                 .token = "alice",
                 .headers = {{"Impersonate-User", "may\xff"},
                             {"Impersonate-Group", "may\xff"},
                             {"Impersonate-Extra-may", "may\xff"}}})
                .code,
            404);
}

// Whoever wants to be somebody else has not been let in yet: they all have a part of its places.
TEST_F(AccessWebhookTest, ThoseWhoWouldBeSomebodyElseLeavePlacesToOthers) {
  StartAuthorizing(FileWith("Deny"));
  std::vector<std::future<Answer>> hanging;
  for (int i = 0; i < kInPlaceOfOne + 4; ++i) {
    hanging.push_back(std::async(std::launch::async, [&] {
      return Ask({.path = "/api/v1/namespaces/default/pods/may",
                  .token = "alice",
                  .headers = {{"Impersonate-User", "hangs"}}});
    }));
  }
  EXPECT_TRUE(Until([&] {
    return 4 == std::count_if(hanging.begin(), hanging.end(), [](const auto& each) {
             return each.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
           });
  }));
  auto other = std::async(std::launch::async, [&] { return GetAs("may", "node1"); });
  EXPECT_TRUE(
      Until([&] { return other.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  go_.set_value();
  EXPECT_EQ(other.get().code, 404);
  std::map<int, int> codes;
  for (auto& each : hanging) ++codes[each.get().code];
  EXPECT_EQ(codes, (std::map<int, int>{{403, kInPlaceOfOne}, {429, 4}}));
}

// Admission comes upon a question that nobody has asked yet, which is no "not allowed".
TEST_F(AccessWebhookTest, NothingIsWrittenBeforePoliciesHaveBeenTold) {
  StartAuthorizing(FileWith("NoOpinion"));
  const std::string maps = "/api/v1/namespaces/default/configmaps/";
  const auto apply = [&](const std::string& name) {
    return Ask(
        "PATCH", maps + name + "?fieldManager=m",
        R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ")" + name + R"("}})",
        "application/apply-patch+yaml", "alice");
  };
  // What alone is asked about these is remembered from here on.
  ASSERT_EQ(apply("may1").code, 201);
  ASSERT_EQ(Ask("DELETE", maps + "may1", "", "", "alice").code, 200);
  ASSERT_EQ(apply("may2").code, 201);
  ASSERT_EQ(Ask("DELETE", maps + "may2?dryRun=All", "", "", "alice").code, 200);
  const std::string policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic";
  ASSERT_EQ(Post(policies + "ies", R"j({"metadata": {"name": "p"}, "spec": {
      "matchConstraints": {"resourceRules": [{"operations": ["CREATE", "DELETE"],
          "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]},
      "matchConditions": [{"name": "a", "expression":
          "authorizer.group('').resource('pods').name('may' + request.operation).check('get').allowed()"}],
      "validations": [{"expression": "false"}]}})j")
                .code,
            201);
  ASSERT_EQ(Post(policies + "ybindings", R"j({"metadata": {"name": "b"}, "spec": {
      "policyName": "p", "validationActions": ["Deny"]}})j")
                .code,
            201);
  Settle();
  int asked = Asked("/review");
  EXPECT_EQ(apply("may1").code, 422);
  EXPECT_EQ(Asked("/review"), ++asked) << "the policy's question alone";
  EXPECT_EQ(Get(maps + "may1").code, 404);
  EXPECT_EQ(Ask("DELETE", maps + "may2", "", "", "alice").code, 422);
  EXPECT_EQ(Asked("/review"), ++asked);
  EXPECT_EQ(Get(maps + "may2").code, 200);
}

TEST_F(AccessWebhookTest, IsTakenAnewWithItsFile) {
  StartAuthorizing(FileWith("NoOpinion", "{}", "AlwaysAllow"));
  EXPECT_EQ(GetAs("denied").code, 403);
  EXPECT_FALSE(server_->UseAuthorizationConfiguration("{}"));
  EXPECT_FALSE(server_->UseAuthorizationConfiguration(FileWith("NoOpinion", "{}", "")));
  EXPECT_EQ(GetAs("denied").code, 403);
  const std::string more = Conditions({"false"});
  EXPECT_TRUE(server_->UseAuthorizationConfiguration(FileWith("NoOpinion", more, "AlwaysAllow")));
  EXPECT_EQ(GetAs("denied").code, 404);
  EXPECT_FALSE(server_->UseAuthorizationConfiguration(FileWith("NoOpinion")))
      << "RBAC was not there at the start, and AlwaysAllow has to stay";
  EXPECT_FALSE(server_->UseAuthorizationConfiguration(FileWith("NoOpinion")))
      << "the same is refused again, and counted once";
  const std::string metrics = Metrics();
  const std::string reloads = "apiserver_authorization_config_controller_automatic_reloads_total{";
  const auto counted = [&](const std::string& status) {
    const size_t at = metrics.find(reloads + "status=\"" + status + "\"");
    return at == metrics.npos ? "" : metrics.substr(metrics.find("} ", at) + 2, 2);
  };
  EXPECT_EQ(counted("success"), "1\n");
  EXPECT_EQ(counted("failure"), "3\n");
  EXPECT_THAT(metrics, HasSubstr("apiserver_authorization_config_controller_last_config_info{"));
}

TEST_F(AccessWebhookTest, ReviewsTellWhatItSays) {
  StartAuthorizing(FileWith("NoOpinion"));
  const auto review = [&](const std::string& name) {
    return Post("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                R"({"spec": {"user": "bob", "resourceAttributes": {"verb": "get", "resource": "x",
                    "name": ")" +
                    name + R"("}}})")
        .body["status"];
  };
  EXPECT_EQ(review("may"), Json::parse(R"({"allowed": true, "reason": "it said so"})"));
  EXPECT_EQ(LastSpec()["resourceAttributes"]["version"], "*");
  EXPECT_EQ(review("denied"),
            Json::parse(R"({"allowed": false, "denied": true, "reason": "it said so"})"));
  EXPECT_THAT(review("fails")["evaluationError"], HasSubstr("the server answered with 403"));
  Post("/apis/authorization.k8s.io/v1/subjectaccessreviews",
       R"({"spec": {"user": "bob", "resourceAttributes": {"verb": "list", "resource": "x",
           "fieldSelector": {"requirements": [
               {"key": "a", "operator": "In", "values": ["b,c"]},
               {"key": "d e,f", "operator": "In", "values": ["g"]},
               {"key": "h", "operator": "NotIn", "values": ["i=\\"]}]}}}})");
  EXPECT_EQ(LastSpec()["resourceAttributes"]["fieldSelector"]["requirements"], Json::parse(R"([
      {"key": "a", "operator": "In", "values": ["b,c"]},
      {"key": "h", "operator": "NotIn", "values": ["i=\\"]}])"));
  const Json rules = Ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                         R"({"spec": {"namespace": "default"}})", "", "admin")
                         .body["status"];
  EXPECT_EQ(rules["incomplete"], true);
  EXPECT_EQ(rules["evaluationError"], "webhook authorizer does not support user rule resolution");
  EXPECT_FALSE(rules["resourceRules"].empty());
}

TEST_F(AccessWebhookTest, MayBeAskedInAnOlderVersion) {
  AuthorizationOptions options;
  options.configuration = AuthorizationOfModes({"Webhook", "AlwaysDeny"});
  options.configuration.authorizers[0].webhook =
      AccessWebhookConfiguration{.timeout = 5s,
                                 .version = "v1beta1",
                                 .failure_policy = "NoOpinion",
                                 .kubeconfig_file = Kubeconfig(Url("/review"))};
  StartAuthorizing(std::move(options));
  const Answer refused = GetAs("other");
  EXPECT_THAT(refused.message(), HasSubstr(": it said so\nEverything is forbidden."));
  const Json spec = LastSpec();
  EXPECT_EQ(spec["group"], Json::parse(R"(["dev", "system:authenticated"])"));
  EXPECT_FALSE(spec.contains("groups"));
  // Times of 0 remember nothing.
  EXPECT_EQ(GetAs("may").code, 404);
  EXPECT_EQ(GetAs("may").code, 404);
  EXPECT_EQ(Asked("/review"), 3);
}

TEST_F(AccessWebhookTest, AKubeconfigThatCannotBeLookedAtIsRefused) {
  std::filesystem::create_symlink("loop", directory_ / "loop");
  AuthorizationOptions options;
  options.configuration = AuthorizationOfModes({"Webhook"});
  options.configuration.authorizers[0].webhook =
      AccessWebhookConfiguration{.version = "v1", .kubeconfig_file = directory_ / "loop"};
  const auto refused = ApiServer::Create(
      {.authorization = std::make_shared<const AuthorizationOptions>(std::move(options))},
      {*store_, clock_, random_, nullptr, {}, {}, &loops_});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("loop: too many levels of symbolic links"));
}

TEST(SharedQuestions, WhoFailsToFindOutLeavesTheQuestionToTheNext) {
  SharedQuestions<int> questions;
  EXPECT_THROW((void)questions.Ask("a", []() -> int { throw std::bad_alloc(); }), std::bad_alloc);
  auto next = std::async(std::launch::async, [&] { return questions.Ask("a", [] { return 1; }); });
  EXPECT_EQ(next.wait_for(5s), std::future_status::ready);
  questions.Stop();
  EXPECT_EQ(next.get(), 1);
}

TEST(AccessReview, IsReadStrictly) {
  const auto read = [](const Json& status, const char* version = "v1") {
    return ReadAccessReview(Json{{"apiVersion", "authorization.k8s.io/v1"},
                                 {"kind", "SubjectAccessReview"},
                                 {"status", status}}
                                .dump(),
                            version);
  };
  EXPECT_TRUE(read({{"allowed", true}})->allowed());
  EXPECT_FALSE(read(Json::object())->allowed());
  EXPECT_FALSE(read({{"allowed", "true"}}));
  EXPECT_FALSE(read({{"allowed", true}, {"denied", 1}}));
  EXPECT_FALSE(read({{"allowed", true}}, "v1beta1"));
  // What it does not say of itself is taken for said.
  EXPECT_FALSE(ReadAccessReview("{}", "v1")->allowed());
  EXPECT_TRUE(ReadAccessReview(R"({"status": {"allowed": true}})", "v1")->allowed());
  EXPECT_TRUE(
      ReadAccessReview(R"({"kind": "", "apiVersion": null, "status": {"allowed": true}})", "v1")
          ->allowed());
  EXPECT_FALSE(ReadAccessReview(R"({"kind": "TokenReview", "status": {}})", "v1"));
  EXPECT_FALSE(ReadAccessReview(R"({"kind": 1, "status": {}})", "v1"));
  EXPECT_FALSE(ReadAccessReview("[]", "v1"));
}

}  // namespace
}  // namespace skiff
