// ValidatingAdmissionPolicies act: on the real server.
#include <gtest/gtest.h>

#include <optional>

#include "apiserver/server/full_room_fixture.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class ValidatingPoliciesTest : public ServerFixture {
 protected:
  static constexpr const char* kPolicies =
      "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
  static constexpr const char* kBindings =
      "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";
  static constexpr const char* kDefinitions =
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

  // Of writes of ConfigMaps; `spec` is added.
  void Policy(const std::string& name, const std::string& spec) {
    Json document = Json::parse(R"j({"spec": {"matchConstraints": {"resourceRules": [{
        "operations": ["CREATE", "UPDATE", "DELETE"], "apiGroups": [""], "apiVersions": ["v1"],
        "resources": ["configmaps"]}]}}})j");
    document["metadata"]["name"] = name;
    document["spec"].update(Json::parse(spec));
    const auto answer = Post(kPolicies, document.dump());
    ASSERT_EQ(answer.code, 201) << answer.message();
  }
  void Bind(const std::string& policy, const std::string& spec = R"j({})j") {
    Json document = {{"metadata", {{"name", "b-" + policy}}},
                     {"spec", {{"policyName", policy}, {"validationActions", {"Deny"}}}}};
    document["spec"].update(Json::parse(spec));
    const auto answer = Post(kBindings, document.dump());
    ASSERT_EQ(answer.code, 201) << answer.message();
  }
  Answer Make(const std::string& name, const std::string& more = "{}") {
    Json document = Json::parse(more);
    document["metadata"]["name"] = name;
    return Post(kMaps, document.dump());
  }
  // A kind of custom resources.
  void DefineLamps() {
    const auto defined = Post(kDefinitions, R"j({"metadata": {"name": "lamps.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "lamps", "singular": "lamp", "kind": "Lamp", "listKind": "LampList"},
        "versions": [{"name": "v1", "served": true, "storage": true,
                      "schema": {"openAPIV3Schema": {"type": "object"}}}]}})j");
    ASSERT_EQ(defined.code, 201) << defined.message();
    Settle();
  }
  Answer MakeLamp(const std::string& name) {
    return Post("/apis/example.com/v1/namespaces/default/lamps",
                Json{{"apiVersion", "example.com/v1"},
                     {"kind", "Lamp"},
                     {"metadata", {{"name", name}}}}
                    .dump());
  }
};

TEST_F(ValidatingPoliciesTest, WhatIsWrongWithMetadataBesideAStatusIsToldOnce) {
  Policy("p", R"j({"validations": [{"expression": "true"}]})j");
  const auto refused = Merge(std::string(kPolicies) + "/p/status",
                             R"j({"metadata": {"deletionGracePeriodSeconds": 3}})j");
  EXPECT_EQ(refused.code, 422) << refused.message();
  EXPECT_EQ(refused.body["details"]["causes"].size(), 1u);
}

TEST_F(ValidatingPoliciesTest, APolicyRefusesFromTheMomentItIsBound) {
  Policy("p", R"j({"validations": [{"expression": "object.metadata.name != 'bad'",
                                    "message": "  no bad ones  ", "reason": "Forbidden"}]})j");
  EXPECT_EQ(Make("bad").code, 201);
  EXPECT_EQ(Ask("DELETE", std::string(kMaps) + "/bad").code, 200);
  Bind("p", R"j({"matchResources": {"resourceRules": [{"operations": ["CREATE"],
      "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]}})j");
  const auto refused = Make("bad");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(), "configmaps \"bad\" is forbidden: ValidatingAdmissionPolicy 'p' with "
                               "binding 'b-p' denied request: no bad ones");
  EXPECT_EQ(refused.body["reason"], "Forbidden");
  EXPECT_EQ(refused.body["details"]["causes"][0]["message"],
            "ValidatingAdmissionPolicy 'p' with binding 'b-p' denied request: no bad ones");
  EXPECT_EQ(Make("good").code, 201);
  Ask("DELETE", std::string(kBindings) + "/b-p");
  EXPECT_EQ(Make("bad").code, 201);
}

TEST_F(ValidatingPoliciesTest, ANewVersionOfAPolicyIsCompiledAnew) {
  Policy("p", R"j({"validations": [{"expression": "object.metadata.name != 'a'"}]})j");
  Bind("p");
  EXPECT_EQ(Make("a").code, 422);
  ASSERT_EQ(Merge(std::string(kPolicies) + "/p",
                  R"j({"spec": {"validations": [{"expression": "object.metadata.name != 'b'"}]}})j")
                .code,
            200);
  EXPECT_EQ(Make("a").code, 201);
  EXPECT_EQ(Make("b").message(),
            "configmaps \"b\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b-p' denied "
            "request: failed expression: object.metadata.name != 'b'");
}

// What others hold may be what this one's caller waits for it with: it is not waited for.
TEST_F(ValidatingPoliciesTest, WhatFindsNoMemoryMayBeAskedAgain) {
  Policy("p", R"j({"validations": [{"expression": "lists.range(100000).size() == 100000"}]})j");
  Bind("p");
  EXPECT_EQ(Make("a").code, 201);
  std::optional<FullRoom> full(std::in_place);
  const auto refused = Make("b");
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.message(), "Too many requests, please try again later.");
  EXPECT_EQ(refused.body["details"]["retryAfterSeconds"], 1);
  full.reset();
  EXPECT_EQ(Make("b").code, 201);
}

// Others who hold much would let pass what is forbidden.
TEST_F(ValidatingPoliciesTest, WhatFindsNoMemoryIsNotIgnoredWhereFailuresAre) {
  const auto judge = [&](const std::string& spec, const std::string& bound, int code_alone) {
    Policy("p", spec);
    Bind("p", bound);
    {
      const FullRoom full;
      const auto refused = Make("a");
      EXPECT_EQ(refused.code, 429) << spec << refused.message();
      EXPECT_EQ(refused.response.Header("Retry-After"), "1");
      EXPECT_EQ(refused.response.Header("Warning"), "");
      EXPECT_EQ(Get(std::string(kMaps) + "/a").code, 404);
    }
    EXPECT_EQ(Make("a").code, code_alone) << spec;
    Ask("DELETE", std::string(kBindings) + "/b-p");
    Ask("DELETE", std::string(kPolicies) + "/p");
    Ask("DELETE", std::string(kMaps) + "/a");
  };
  judge(R"j({"failurePolicy": "Ignore",
             "validations": [{"expression": "lists.range(100000).size() != 100000"}]})j",
        "{}", 422);
  judge(R"j({"failurePolicy": "Ignore", "validations": [{"expression": "false"}],
             "matchConditions": [{"name": "c", "expression": "lists.range(100000).size() > 9"}]})j",
        "{}", 422);
  // It would be warned of what does hold.
  judge(R"j({"validations": [{"expression": "lists.range(100000).size() == 100000"}]})j",
        R"j({"validationActions": ["Warn", "Audit"]})j", 201);
  judge(R"j({"failurePolicy": "Ignore", "auditAnnotations": [
             {"key": "k", "valueExpression": "string(lists.range(100000).size())"}]})j",
        "{}", 201);
}

// It has half of the time of the request: with all of it nobody would be told that it is ignored.
TEST_F(ValidatingPoliciesTest, WhatRunsOutOfItsTimeIsIgnoredWhereFailuresAre) {
  // Lists that hold one list twice, which holds one list twice: each spends what one may cost.
  std::string endless = "[1]";
  for (int i = 0; i < 40; ++i) endless += ".map(a, [a, a])";
  Json validations = Json::array();
  for (int i = 0; i < 8; ++i) {
    validations.push_back({{"expression", endless + ".all(z, z == z)"}});
  }
  Policy("p", Json{{"failurePolicy", "Ignore"}, {"validations", validations}}.dump());
  Bind("p");
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(Make("a").code, 201);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  const std::string target =
      std::string(kMaps) + "?timeout=" + std::to_string(took.count() * 3 / 4) + "ms";
  const auto made = Post(target, R"j({"metadata": {"name": "b"}})j");
  EXPECT_EQ(made.code, 201) << made.message();
}

TEST_F(ValidatingPoliciesTest, FailuresDoWhatTheFailurePolicySays) {
  Policy("p", R"j({"validations": [{"expression": "object.data.x == 'y'"}]})j");
  Bind("p");
  EXPECT_EQ(Make("a").message(),
            "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b-p' denied "
            "request: expression 'object.data.x == 'y'' resulted in error: no such key: data");
  Merge(std::string(kPolicies) + "/p", R"j({"spec": {"failurePolicy": "Ignore"}})j");
  EXPECT_EQ(Make("a").code, 201);
}

TEST_F(ValidatingPoliciesTest, WhatFailsIsCountedByWhatTheBindingMakesOfIt) {
  Policy("p", R"j({"validations": [{"expression": "object.metadata.name != 'a'"}]})j");
  Bind("p");
  EXPECT_EQ(Make("a").code, 422);
  Policy("q", R"j({"validations": [{"expression": "object.metadata.name != 'b'"}]})j");
  Bind("q", R"j({"validationActions": ["Warn", "Audit"]})j");
  EXPECT_EQ(Make("b").code, 201);
  Policy("r", R"j({"failurePolicy": "Ignore",
                   "validations": [{"expression": "object.data.x == 'y'"}]})j");
  Bind("r");
  EXPECT_EQ(Make("c").code, 201);
  const std::string metrics = Get("/metrics").response.body;
  const auto count = [&](const std::string& policy, const std::string& action) {
    const std::string line = "apiserver_validating_admission_policy_check_total{policy=\"" + policy +
                             "\",policy_binding=\"b-" + policy +
                             "\",error_type=\"internal_error\",enforcement_action=\"" + action +
                             "\"} ";
    const size_t at = metrics.find(line);
    return at == std::string::npos ? 0 : std::stoi(metrics.substr(at + line.size()));
  };
  EXPECT_EQ(count("p", "deny"), 1);
  EXPECT_EQ(count("p", "warn"), 0);
  EXPECT_EQ(count("q", "deny"), 0);
  EXPECT_EQ(count("q", "warn"), 1);
  EXPECT_EQ(count("q", "audit"), 1);
  EXPECT_EQ(count("r", "allow"), 1);
  EXPECT_NE(metrics.find("apiserver_validating_admission_policy_check_duration_seconds_count{"
                         "policy=\"p\""),
            std::string::npos);
}

TEST_F(ValidatingPoliciesTest, ConditionsDecideWhetherAPolicyIsAsked) {
  Policy("p", R"j({"matchConditions": [
      {"name": "not-me", "expression": "request.userInfo.username != 'system:apiserver'"},
      {"name": "has-data", "expression": "object.data.size() > 0"}],
      "validations": [{"expression": "false", "message": "never"}]})j");
  Bind("p");
  const auto broken = Make("a");
  EXPECT_EQ(broken.code, 422);
  EXPECT_TRUE(broken.message().ends_with(
      "expression 'object.data.size() > 0' resulted in error: no such key: data"));
  EXPECT_TRUE(Make("a", R"j({"data": {"a": "b"}})j").message().ends_with("denied request: never"));
}

TEST_F(ValidatingPoliciesTest, ANameThatWasMadeIsSeen) {
  Policy("p", R"j({"validations": [{"expression": "request.name == object.metadata.name"}]})j");
  Bind("p");
  const auto made = Post(kMaps, R"j({"metadata": {"generateName": "made-"}})j");
  EXPECT_EQ(made.code, 201) << made.message();
}

TEST_F(ValidatingPoliciesTest, WarningsAreHeaders) {
  Policy("p", R"j({"validations": [{"expression": "false", "message": "odd"}]})j");
  Bind("p", R"j({"validationActions": ["Warn", "Audit"]})j");
  const auto answer = Make("a");
  EXPECT_EQ(answer.code, 201);
  EXPECT_EQ(answer.response.Header("Warning"),
            "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b-p': odd\"");
}

TEST_F(ValidatingPoliciesTest, AMessageMayHoldAnyBytes) {
  Policy("p", R"j({"validations": [{"expression": "false",
                                    "messageExpression": "'%s'.format([b'\\xff'])"}]})j");
  Bind("p", R"j({"validationActions": ["Audit"]})j");
  EXPECT_EQ(Make("a").code, 201);
}

TEST_F(ValidatingPoliciesTest, EveryParameterIsAskedInItsTurn) {
  ASSERT_EQ(Make("small", R"j({"metadata": {"labels": {"limit": "yes"}}, "data": {"max": "1"}})j")
                .code,
            201);
  Policy("p", R"j({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
      "validations": [{"expression": "object.data.size() <= int(params.data.max)",
                       "messageExpression": "'more than ' + params.data.max"}]})j");
  Bind("p", R"j({"paramRef": {"selector": {"matchLabels": {"limit": "yes"}},
                              "parameterNotFoundAction": "Deny"}})j");
  const std::string two = R"j({"data": {"a": "1", "b": "2"}})j";
  EXPECT_TRUE(Make("x", two).message().ends_with("denied request: more than 1"));
  EXPECT_EQ(Make("x", R"j({"data": {"a": "1"}})j").code, 201);
  Merge(std::string(kMaps) + "/small", R"j({"data": {"max": "2"}})j");
  EXPECT_EQ(Make("y", two).code, 201);
}

TEST_F(ValidatingPoliciesTest, AParameterThatIsNotThereRefusesOrIsNotMissed) {
  Policy("p", R"j({"paramKind": {"apiVersion": "v1", "kind": "Secret"},
                   "validations": [{"expression": "params.data.size() > 0"}]})j");
  Bind("p", R"j({"paramRef": {"name": "gone", "parameterNotFoundAction": "Deny"}})j");
  EXPECT_EQ(Make("a").message(),
            "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b-p' denied "
            "request: failed to configure binding: no params found for policy binding with `Deny` "
            "parameterNotFoundAction");
  Merge(std::string(kBindings) + "/b-p",
        R"j({"spec": {"paramRef": {"parameterNotFoundAction": "Allow"}}})j");
  EXPECT_EQ(Make("a").code, 201);
}

TEST_F(ValidatingPoliciesTest, AKindOfParametersThatIsNotServedIsNamed) {
  Policy("p", R"j({"paramKind": {"apiVersion": "v1", "kind": "Nothing"},
                   "validations": [{"expression": "true"}]})j");
  Bind("p", R"j({"paramRef": {"name": "a", "parameterNotFoundAction": "Allow"}})j");
  EXPECT_TRUE(Make("a").message().ends_with(
      "denied request: failed to configure policy: failed to find resource referenced by "
      "paramKind: '/v1, Kind=Nothing'"));
}

TEST_F(ValidatingPoliciesTest, ExpressionsAskWhatTheUserMayDo) {
  Policy("p", R"j({"validations": [{"expression":
      "authorizer.requestResource.check('delete').allowed()"}]})j");
  Bind("p");
  EXPECT_EQ(Make("a").code, 201);
  Post("/apis/rbac.authorization.k8s.io/v1/clusterroles", R"j({"metadata": {"name": "maker"},
      "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]})j");
  Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", R"j({"metadata": {"name": "m"},
      "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "maker"},
      "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]})j");
  EXPECT_EQ(Ask("POST", kMaps, R"j({"metadata": {"name": "b"}})j", "", "alice").code, 422);
}

TEST_F(ValidatingPoliciesTest, AServiceAccountThatIsAskedOfIsNotInTheGroupOfWhoAuthenticated) {
  Policy("p", R"j({"validations": [{"expression":
      "authorizer.serviceAccount('default', 'a').group('').resource('configmaps'))j"
              R"j(.check('get').allowed()"}]})j");
  Bind("p");
  Post("/apis/rbac.authorization.k8s.io/v1/clusterroles", R"j({"metadata": {"name": "reader"},
      "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]})j");
  const auto bind = [&](const std::string& group) {
    Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
         R"j({"metadata": {"name": "of-)j" + group.substr(group.find(':') + 1) + R"j("},
      "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
      "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": ")j" +
             group + R"j("}]})j");
  };
  bind("system:authenticated");
  EXPECT_EQ(Make("a").code, 422);
  bind("system:serviceaccounts");
  EXPECT_EQ(Make("b").code, 201);
}

TEST_F(ValidatingPoliciesTest, ParametersAreOfWhatTheAuthorMayRead) {
  Post("/apis/rbac.authorization.k8s.io/v1/clusterroles", R"j({"metadata": {"name": "author"},
      "rules": [{"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"],
                 "verbs": ["*"]}]})j");
  Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", R"j({"metadata": {"name": "a"},
      "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                  "name": "author"},
      "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]})j");
  Json policy = Json::parse(R"j({"metadata": {"name": "p"}, "spec": {"matchConstraints": {
      "resourceRules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
                         "resources": ["configmaps"]}]},
      "validations": [{"expression": "true"}]}})j");
  EXPECT_EQ(Ask("POST", kPolicies, policy.dump(), "", "alice").code, 201);
  policy["metadata"]["name"] = "q";
  policy["spec"]["paramKind"] = {{"apiVersion", "v1"}, {"kind", "Secret"}};
  const auto refused = Ask("POST", kPolicies, policy.dump(), "", "alice");
  EXPECT_EQ(refused.code, 422);
  EXPECT_EQ(refused.message(),
            "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"q\" is invalid: "
            "spec.paramKind: Forbidden: user &{alice u2 [dev system:authenticated] map[]} must have "
            "\"get\" permission on all objects of the referenced paramKind (kind=Secret, "
            "apiVersion=v1)");
  EXPECT_EQ(Post(kPolicies, policy.dump()).code, 201);
  const char* const binding = R"j({"metadata": {"name": "b"}, "spec": {"policyName": "q",
      "validationActions": ["Deny"], "paramRef": {"name": "s", "namespace": "kube-system",
                                                  "parameterNotFoundAction": "Deny"}}})j";
  EXPECT_EQ(Ask("POST", kBindings, binding, "", "alice").message(),
            "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io \"b\" is invalid: "
            "spec.paramRef: Forbidden: user &{alice u2 [dev system:authenticated] map[]} does not "
            "have \"get\" permission on the object referenced by paramRef");
  EXPECT_EQ(Post(kBindings, binding).code, 201);
}

TEST_F(ValidatingPoliciesTest, WhoSelectsParametersMayListThem) {
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
  const auto allow = [&](const char* name, const char* rules) {
    ASSERT_EQ(Post(rbac + "clusterroles", R"j({"metadata": {"name": ")j" + std::string(name) +
                                              R"j("}, "rules": )j" + rules + "}")
                  .code,
              201);
    ASSERT_EQ(Post(rbac + "clusterrolebindings",
                   R"j({"metadata": {"name": ")j" + std::string(name) +
                       R"j("}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
                       "kind": "ClusterRole", "name": ")j" +
                       name + R"j("}, "subjects": [{"kind": "User", "name": "alice",
                       "apiGroup": "rbac.authorization.k8s.io"}]})j")
                  .code,
              201);
  };
  allow("policies", R"j([{"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"],
                          "verbs": ["*"]},
                         {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}])j");
  Policy("p", R"j({"paramKind": {"apiVersion": "v1", "kind": "Secret"},
                   "validations": [{"expression": "params == null"}]})j");
  const char* const binding = R"j({"metadata": {"name": "b"}, "spec": {"policyName": "p",
      "validationActions": ["Deny"], "paramRef": {"selector": {}, "namespace": "kube-system",
                                                  "parameterNotFoundAction": "Deny"}}})j";
  const auto refused = Ask("POST", kBindings, binding, "", "alice");
  EXPECT_EQ(refused.code, 422);
  EXPECT_NE(refused.message().find("does not have \"list\" permission on the object"),
            std::string::npos)
      << refused.message();
  allow("lists", R"j([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}])j");
  EXPECT_EQ(Ask("POST", kBindings, binding, "", "alice").code, 201);
}

TEST_F(ValidatingPoliciesTest, TheServersOwnHandIsNotHeld) {
  DefineLamps();
  ASSERT_EQ(MakeLamp("l").code, 201);
  Policy("p", R"j({"matchConstraints": {"resourceRules": [{"operations": ["DELETE"],
                   "apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["*"]}]},
                   "validations": [{"expression": "false"}]})j");
  Bind("p");
  ASSERT_EQ(Ask("DELETE", std::string(kDefinitions) + "/lamps.example.com").code, 200);
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(1s);
    Settle();
  }
  EXPECT_EQ(Ask("GET", std::string(kDefinitions) + "/lamps.example.com").code, 404);
}

TEST_F(ValidatingPoliciesTest, NoPolicyLooksAtPolicies) {
  Policy("p", R"j({"matchConstraints": {"resourceRules": [{"operations": ["*"],
      "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}]},
      "validations": [{"expression": "false"}]})j");
  Bind("p");
  EXPECT_EQ(Make("a").code, 422);
  EXPECT_EQ(Ask("DELETE", std::string(kPolicies) + "/p").code, 200);
  EXPECT_EQ(Make("a").code, 201);
}

// A document is made of what is named, and of more where another policy names that.
TEST_F(ValidatingPoliciesTest, EachPolicySeesWhatItNames) {
  Policy("a", R"j({"validations": [{"expression": "object.data.x != 'bad'"}]})j");
  Policy("b", R"j({"validations": [{"expression":
      "object.metadata.labels.app == 'web' && namespaceObject.metadata.name == 'default'",
      "messageExpression": "'of ' + request.name + ': ' + string(size(object.data))"}]})j");
  Policy("c", R"j({"validations": [{"expression": "size(object) == 4",
                                    "messageExpression": "string(size(object))"}]})j");
  for (const char* name : {"a", "b", "c"}) Bind(name);
  EXPECT_EQ(Make("m", R"j({"data": {"x": "y"}, "metadata": {"labels": {"app": "web"}}})j").code,
            201);
  EXPECT_TRUE(
      Make("n", R"j({"data": {"x": "bad"}})j").message().ends_with("object.data.x != 'bad'"));
  EXPECT_TRUE(Make("n", R"j({"data": {"x": "y", "z": ""}, "metadata": {"labels": {"app": "db"}}})j")
                  .message()
                  .ends_with("denied request: of n: 2"));
  EXPECT_TRUE(Make("n", R"j({"data": {"x": "y"}, "immutable": true,
                             "metadata": {"labels": {"app": "web"}}})j")
                  .message()
                  .ends_with("denied request: 5"));
}

// Metadata is no part of what a custom resource holds otherwise.
TEST_F(ValidatingPoliciesTest, WhoGoesOverAllOfACustomResourceSeesItsMetadata) {
  DefineLamps();
  Policy("p", R"j({"matchConstraints": {"resourceRules": [{"operations": ["CREATE"],
                   "apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["*"]}]},
                   "validations": [
                   {"expression": "object.all(k, v, k != 'metadata' || v.name != 'bad')"}]})j");
  Bind("p");
  EXPECT_EQ(MakeLamp("bad").code, 422);
  const auto good = MakeLamp("good");
  EXPECT_EQ(good.code, 201) << good.message();
}

TEST_F(ValidatingPoliciesTest, ExpressionsSeeTheNamespaceAndBothObjects) {
  Merge("/api/v1/namespaces/default", R"j({"metadata": {"labels": {"env": "prod"}}})j");
  Policy("p", R"j({"validations": [
      {"expression": "namespaceObject.metadata.labels['env'] != 'prod' || oldObject == null || request.operation == 'DELETE' || object.data == oldObject.data",
       "messageExpression": "object.metadata.name + ' is frozen in ' + request.namespace"}]})j");
  Bind("p");
  EXPECT_EQ(Make("a", R"j({"data": {"a": "b"}})j").code, 201);
  EXPECT_TRUE(Merge(std::string(kMaps) + "/a", R"j({"data": {"a": "c"}})j")
                  .message()
                  .ends_with("denied request: a is frozen in default"));
  EXPECT_EQ(Ask("DELETE", std::string(kMaps) + "/a").code, 200);
}

}  // namespace
}  // namespace skiff
