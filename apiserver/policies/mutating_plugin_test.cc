// MutatingAdmissionPolicies act: on the real server, with what kube-apiserver answered to the same.
#include <gtest/gtest.h>

#include <fstream>

#include "apiserver/server/full_room_fixture.h"
#include "apiserver/server/server_fixture.h"
#include "base/source_root.h"

namespace skiff {
namespace {

std::vector<const KindInfo*> AllOnRequest() {
  return {KindsOnRequest().begin(), KindsOnRequest().end()};
}

class MutatingPoliciesTest : public ServerFixture {
 protected:
  static constexpr const char* kPolicies =
      "/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicies";
  static constexpr const char* kBindings =
      "/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicybindings";
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  explicit MutatingPoliciesTest(bool act = true)
      : ServerFixture({.kinds = AllOnRequest(), .mutating_policies_act = act}) {}

  static Json MutationOf(const std::string& expression) {
    const bool is_patch = expression.find("JSONPatch{") != std::string::npos &&
                          !expression.starts_with("Object");
    if (is_patch || expression.starts_with("[")) {
      return {{"patchType", "JSONPatch"}, {"jsonPatch", {{"expression", expression}}}};
    }
    return {{"patchType", "ApplyConfiguration"},
            {"applyConfiguration", {{"expression", expression}}}};
  }
  // Of creations of ConfigMaps; `spec` is added.
  static Json PolicyOf(const std::string& name, const std::vector<std::string>& mutations,
                       const std::string& spec = "{}") {
    Json document = Json::parse(R"j({"spec": {"reinvocationPolicy": "Never", "mutations": [],
        "matchConstraints": {"resourceRules": [{"operations": ["CREATE", "UPDATE"],
        "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]}}})j");
    document["metadata"]["name"] = name;
    for (const std::string& each : mutations) {
      document["spec"]["mutations"].push_back(MutationOf(each));
    }
    document["spec"].update(Json::parse(spec));
    return document;
  }
  void Policy(const std::string& name, const std::vector<std::string>& mutations,
              const std::string& spec = "{}") {
    const auto answer = Post(kPolicies, PolicyOf(name, mutations, spec).dump());
    ASSERT_EQ(answer.code, 201) << answer.message();
  }
  void Bind(const std::string& policy, const std::string& spec = "{}", std::string name = "") {
    if (name.empty()) name = "b-" + policy;
    Json document = {{"metadata", {{"name", name}}}, {"spec", {{"policyName", policy}}}};
    document["spec"].update(Json::parse(spec));
    const auto answer = Post(kBindings, document.dump());
    ASSERT_EQ(answer.code, 201) << answer.message();
  }
  void LetAliceWritePolicies() {
    const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
    Post(rbac + "clusterroles", R"j({"metadata": {"name": "w"}, "rules": [
        {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]}]})j");
    Post(rbac + "clusterrolebindings", R"j({"metadata": {"name": "w"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "w"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User",
                      "name": "alice"}]})j");
  }
  // alice may create the object, but not give it that in its spec, whichever way.
  void ExpectRefusedWrites(const std::string& path, Json object, const Json& spec,
                           const std::string& why) {
    const std::string own = path + "/" + object["metadata"]["name"].get<std::string>();
    Json wanted = object;
    wanted["spec"].update(spec);
    const auto expect = [&](const Answer& refused) {
      EXPECT_EQ(refused.code, 422) << own;
      EXPECT_NE(refused.message().find(why), std::string::npos) << refused.message();
    };
    expect(Ask("POST", path, wanted.dump(), "", "alice"));
    const auto made = Ask("POST", path, object.dump(), "", "alice");
    ASSERT_EQ(made.code, 201) << made.message();
    wanted["metadata"]["resourceVersion"] = made.body["metadata"]["resourceVersion"];
    expect(Ask("PUT", own, wanted.dump(), "", "alice"));
    expect(Ask("PATCH", own, Json{{"spec", spec}}.dump(), "application/merge-patch+json", "alice"));
    EXPECT_EQ(Ask("PUT", own, wanted.dump()).code, 200) << "who may do all may do that";
  }
  Answer Make(const std::string& name, const std::string& more = "{}") {
    Json document = Json::parse(more);
    document["metadata"]["name"] = name;
    return Post(kMaps, document.dump());
  }
};

class IdleMutatingPoliciesTest : public MutatingPoliciesTest {
 protected:
  IdleMutatingPoliciesTest() : MutatingPoliciesTest(false) {}
};

class UnservedMutatingPoliciesTest : public ServerFixture {};

Json ReadRecorded(const char* name) {
  std::ifstream in(std::string(kSourceRoot) + "/apiserver/policies/testdata/" + name);
  return Json::parse(in);
}

// What two answers have in common, whoever gives them.
Json Shown(Json answer) {
  for (const char* made : {"uid", "creationTimestamp", "namespace", "resourceVersion",
                           "managedFields"}) {
    if (answer.contains("metadata")) answer["metadata"].erase(made);
  }
  answer.erase("kind");
  answer.erase("apiVersion");
  return answer;
}

TEST_F(MutatingPoliciesTest, ExpressionsAreTakenOrRefusedAsKubernetesDoes) {
  const Json recorded = ReadRecorded("mutation_expressions.json");
  ASSERT_GT(recorded.size(), 50u);
  for (const Json& each : recorded) {
    Json policy = PolicyOf("t", {each["expression"]});
    const auto answer = Post(std::string(kPolicies) + "?dryRun=All", policy.dump());
    EXPECT_EQ(answer.code, each["code"]) << each["expression"];
    EXPECT_EQ(answer.message(), each["message"]) << each["expression"];
  }
}

// Each file holds a request, and what came of it with a policy of each of the expressions.
TEST_F(MutatingPoliciesTest, ObjectsAreChangedAsKubernetesDoes) {
  Policy("t", {"Object{}"}, R"j({"variables": [{"name": "v",
      "expression": "object.data.a + '-v'"}]})j");
  Bind("t", "{}", "t");
  Policy("d", {"Object{}"}, R"j({"matchConstraints": {"resourceRules": [{"operations": ["CREATE"],
      "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]}]}})j");
  Bind("d", "{}", "d");
  for (const auto& [file, policy, path] :
       {std::tuple("mutated_config_maps.json", "t", kMaps),
        std::tuple("mutated_deployments.json", "d",
                   "/apis/apps/v1/namespaces/default/deployments")}) {
    const Json recorded = ReadRecorded(file);
    ASSERT_GT(recorded["answers"].size(), 20u);
    for (const Json& each : recorded["answers"]) {
      const Json patch = {
          {"spec", {{"mutations", Json::array({MutationOf(each["expression"])})}}}};
      ASSERT_EQ(Merge(std::string(kPolicies) + "/" + policy, patch.dump()).code, 200);
      const auto answer = Post(std::string(path) + "?dryRun=All", recorded["request"].dump());
      if (each.contains("object")) {
        EXPECT_EQ(Shown(answer.body), Shown(each["object"])) << each["expression"];
        continue;
      }
      EXPECT_EQ(answer.code, each["status"]["code"]) << each["expression"];
      EXPECT_EQ(answer.body["reason"], each["status"]["reason"]) << each["expression"];
      EXPECT_EQ(answer.message(), each["status"]["message"]) << each["expression"];
      EXPECT_EQ(answer.body["details"], each["status"]["details"]) << each["expression"];
    }
  }
}

TEST_F(MutatingPoliciesTest, MutationsSeeWhatThoseBeforeHaveDone) {
  Policy("p", {"Object{data: {'a': '1'}}",
               "[JSONPatch{op: 'add', path: '/data/b', value: object.data.a + '2'}]"});
  Bind("p");
  const auto made = Make("m");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["data"], (Json{{"a", "1"}, {"b", "12"}}));
  EXPECT_EQ(Get(std::string(kMaps) + "/m").body["data"], (Json{{"a", "1"}, {"b", "12"}}));
  // From now on they do nothing to what is there.
  Ask("DELETE", std::string(kBindings) + "/b-p");
  EXPECT_EQ(Make("n").body.contains("data"), false);
}

// kube-apiserver asks them again whenever anything was done at all, by whomever.
TEST_F(MutatingPoliciesTest, TheyAreAskedAgainOnceWhereTheyWish) {
  const std::string add = "[JSONPatch{op: 'add', path: '/data/a', value: object.data.a + '%'}]";
  const auto with = [&](const char* sign) {
    std::string text = add;
    text.replace(text.find('%'), 1, sign);
    return text;
  };
  Policy("p", {with("n")});
  Bind("p");
  Policy("q", {with("i")}, R"j({"reinvocationPolicy": "IfNeeded"})j");
  Bind("q");
  const auto made = Make("m", R"j({"data": {"a": ""}})j");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["data"]["a"], "nii");
}

TEST_F(MutatingPoliciesTest, FailuresDoWhatTheFailurePolicySays) {
  Policy("p", {"Object{data: {'k': object.data.nope}}", "Object{data: {'k': 'v'}}"});
  Bind("p");
  const auto refused = Make("m");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "policy 'p' with binding 'b-p' denied request: expression 'Object{data: {'k': "
            "object.data.nope}}' resulted in error: no such key: data");
  const std::string metrics = Get("/metrics").response.body;
  EXPECT_NE(metrics.find("apiserver_mutating_admission_policy_check_total{policy=\"p\","
                         "policy_binding=\"b-p\",error_type=\"invalid_error\"} 1"),
            std::string::npos);
  ASSERT_EQ(Merge(std::string(kPolicies) + "/p", R"j({"spec": {"failurePolicy": "Ignore"}})j").code,
            200);
  EXPECT_EQ(Make("m").body["data"], (Json{{"k", "v"}}));
}

TEST_F(MutatingPoliciesTest, WhatFindsNoMemoryIsNotIgnored) {
  Policy("p", {"Object{data: {'k': string(lists.range(100000).size())}}"},
         R"j({"failurePolicy": "Ignore"})j");
  Bind("p");
  {
    const FullRoom full;
    EXPECT_EQ(Make("m").code, 429);
    EXPECT_EQ(Get(std::string(kMaps) + "/m").code, 404);
  }
  EXPECT_EQ(Make("m").body["data"], (Json{{"k", "100000"}}));
}

// Each is cheap; many would make gigabytes of it before it is found to be too large to be stored.
TEST_F(MutatingPoliciesTest, MutationsDoNotLetAnObjectGrowWithoutEnd) {
  std::vector<std::string> mutations;
  for (const char* name : {"b", "c", "d", "e", "f", "g"}) {
    mutations.push_back(std::string("[JSONPatch{op: 'add', path: '/data/") + name +
                        "', value: object.data.a}]");
  }
  Policy("p", mutations);
  Bind("p");
  EXPECT_EQ(Make("m", R"({"data": {"a": "x"}})").body["data"].size(), 7u);
  const Json large = {{"data", {{"a", std::string(600'000, 'x')}}}};
  const auto refused = Make("n", large.dump());
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "policy 'p' with binding 'b-p' denied request: the mutated object is too large: more "
            "than 3145728 bytes");
}

TEST_F(MutatingPoliciesTest, NotMoreRefusalsAreKeptThanAnybodyReads) {
  const std::string failing = "Object{data: {'k': object.data.nope + '" + std::string(8000, 'x') +
                              "'}}";
  Policy("p", std::vector<std::string>(30, failing));
  for (int i = 0; i < 6; ++i) Bind("p", "{}", "b" + std::to_string(i));
  const auto refused = Make("m");
  EXPECT_EQ(refused.code, 403);
  const size_t kept = refused.body["details"]["causes"].size();
  EXPECT_GT(kept, 100u);
  EXPECT_LT(kept, 150u) << "of 180, 8 kB each";
}

TEST_F(MutatingPoliciesTest, ParametersAndConditionsAreThoseOfPolicies) {
  Policy("p", {"Object{data: {params.data.key: 'v'}}"}, R"j({
      "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
      "matchConditions": [{"name": "n", "expression": "object.metadata.name != 'not'"},
          {"name": "o", "expression": "!object.metadata.name.startsWith('par')"}]})j");
  ASSERT_EQ(Make("param", R"j({"data": {"key": "k"}})j").code, 201);
  Bind("p", R"j({"paramRef": {"name": "param", "namespace": "default",
                              "parameterNotFoundAction": "Deny"}})j");
  EXPECT_EQ(Make("m").body["data"], (Json{{"k", "v"}}));
  EXPECT_FALSE(Make("not").body.contains("data"));
  Ask("DELETE", std::string(kMaps) + "/param");
  const auto refused = Make("n");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.body["reason"], "Forbidden");
  EXPECT_EQ(refused.message(),
            "policy 'p' with binding 'b-p' denied request: failed to configure binding: no params "
            "found for policy binding with `Deny` parameterNotFoundAction");
}

TEST_F(MutatingPoliciesTest, BodiesOfSubresourcesArePatched) {
  const char* const scale = "/apis/apps/v1/namespaces/default/deployments/x/scale";
  const Json recorded = ReadRecorded("mutated_deployments.json");
  ASSERT_EQ(Post("/apis/apps/v1/namespaces/default/deployments", recorded["request"].dump()).code,
            201);
  Policy("p", {"[JSONPatch{op: 'replace', path: '/spec/replicas', value: 9}]"}, R"j({
      "matchConstraints": {"resourceRules": [{"operations": ["UPDATE"], "apiGroups": ["apps"],
      "apiVersions": ["v1"], "resources": ["deployments/scale"]}]}})j");
  Bind("p");
  const char* const body = R"j({"apiVersion": "autoscaling/v1", "kind": "Scale",
      "metadata": {"name": "x", "namespace": "default"}, "spec": {"replicas": 2}})j";
  EXPECT_EQ(Ask("PUT", scale, body).body["spec"]["replicas"], 9);
  const Json apply = {
      {"spec", {{"mutations", Json::array({MutationOf("Object{spec: Object.spec{replicas: 7}}")})}}}};
  ASSERT_EQ(Merge(std::string(kPolicies) + "/p", apply.dump()).code, 200);
  EXPECT_EQ(Ask("PUT", scale, body).message(),
            "policy 'p' with binding 'b-p' denied request: error applying patch: failed to convert "
            "patch object to typed object: no corresponding type for autoscaling/v1, Kind=Scale");
}

TEST_F(MutatingPoliciesTest, CustomResourcesAreChangedPrunedAndDefaulted) {
  const auto defined = Post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", R"j({
      "metadata": {"name": "lamps.example.com"}, "spec": {"group": "example.com",
      "scope": "Namespaced",
      "names": {"plural": "lamps", "singular": "lamp", "kind": "Lamp", "listKind": "LampList"},
      "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
          "type": "object", "properties": {"spec": {"type": "object", "properties": {
              "watts": {"type": "integer"}, "lit": {"type": "boolean", "default": true},
              "tags": {"type": "array", "items": {"type": "string"}}}}}}}}]}})j");
  ASSERT_EQ(defined.code, 201) << defined.message();
  Settle();
  Policy("p", {"Object{spec: Object.spec{watts: 7}}",
               "[JSONPatch{op: 'add', path: '/spec/unknown', value: 1}]"},
         R"j({"matchConstraints": {"resourceRules": [{"operations": ["*"],
      "apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["lamps"]}]}})j");
  Bind("p");
  const char* const lamp =
      R"j({"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "l"}})j";
  const auto made = Post("/apis/example.com/v1/namespaces/default/lamps", lamp);
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"], (Json{{"watts", 7}, {"lit", true}}));
  ASSERT_EQ(Merge(std::string(kPolicies) + "/p",
                  Json{{"spec", {{"mutations", Json::array({MutationOf(
                                                   "Object{spec: Object.spec{tags: ['a']}}")})}}}}
                      .dump())
                .code,
            200);
  Ask("DELETE", "/apis/example.com/v1/namespaces/default/lamps/l");
  EXPECT_EQ(Post("/apis/example.com/v1/namespaces/default/lamps", lamp).message(),
            "policy 'p' with binding 'b-p' denied request: error applying patch: invalid "
            "ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.tags");
  // What the schema does not know stays until all have looked at it.
  ASSERT_EQ(Merge(std::string(kPolicies) + "/p",
                  Json{{"spec",
                        {{"mutations",
                          {MutationOf("[JSONPatch{op: 'add', path: '/spec', value: "
                                      "Object.spec{watts: 5}}, JSONPatch{op: 'add', path: "
                                      "'/spec/unknown', value: 1}]"),
                           MutationOf("Object{spec: Object.spec{watts: 7}}")}}}}}
                      .dump())
                .code,
            200);
  EXPECT_EQ(Post("/apis/example.com/v1/namespaces/default/lamps", lamp).message(),
            "policy 'p' with binding 'b-p' denied request: error applying patch: failed to convert "
            "original object to typed object: .spec.unknown: field not declared in schema");
}

// In neither version is there a way round it.
TEST_F(MutatingPoliciesTest, WhoWritesOneMustBeAllowedToReadItsParameters) {
  LetAliceWritePolicies();
  Policy("of-secrets", {"Object{}"}, R"j({"paramKind": {"apiVersion": "v1", "kind": "Secret"}})j");
  const Json of_params = {{"paramKind", {{"apiVersion", "v1"}, {"kind", "Secret"}}}};
  const Json with_params = {
      {"policyName", "of-secrets"},
      {"paramRef", {{"name", "x"}, {"namespace", "default"}, {"parameterNotFoundAction", "Deny"}}}};
  for (const std::string version : {"v1beta1", "v1alpha1"}) {
    const std::string root = "/apis/admissionregistration.k8s.io/" + version + "/";
    const std::string policies = root + "mutatingadmissionpolicies";
    Json policy = PolicyOf("p-" + version, {"Object{}"});
    ExpectRefusedWrites(policies, policy, of_params,
                        "must have \"get\" permission on all objects of the referenced paramKind "
                        "(kind=Secret, apiVersion=v1)");
    Json binding = {{"metadata", {{"name", "b-" + version}}},
                    {"spec", {{"policyName", "of-secrets"}}}};
    ExpectRefusedWrites(root + "mutatingadmissionpolicybindings", binding, with_params,
                        "does not have \"get\" permission on the object referenced by paramRef");
    binding["metadata"]["name"] = "n-" + version;
    Json of_none = with_params;
    of_none["policyName"] = "nowhere";
    ExpectRefusedWrites(root + "mutatingadmissionpolicybindings", binding, of_none,
                        "unable to get policy nowhere to determine minimum required permissions "
                        "and user");
  }
}

TEST_F(MutatingPoliciesTest, TheyAreServedAsAKindOfTheirOwn) {
  const auto listed = Get("/apis/admissionregistration.k8s.io/v1beta1");
  ASSERT_EQ(listed.body["resources"].size(), 2u);
  EXPECT_EQ(listed.body["resources"][0]["storageVersionHash"], "LYmCf+UMVdg=");
  EXPECT_EQ(listed.body["resources"][1]["storageVersionHash"], "90V5FRZZ3Zg=");
  const auto group = Get("/apis/admissionregistration.k8s.io");
  EXPECT_EQ(group.body["versions"].size(), 3u);
  EXPECT_EQ(group.body["preferredVersion"]["version"], "v1");
  EXPECT_EQ(Get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.admissionregistration.k8s.io")
                .body["spec"]["versionPriority"],
            12);
  EXPECT_EQ(Get("/openapi/v3/apis/admissionregistration.k8s.io/v1beta1").code, 200);
  Policy("p", {"Object{}"});
  EXPECT_EQ(Get(std::string(kPolicies) + "/p").body["metadata"]["generation"], 1);
}

// The older version shows the same objects, and what is written in it acts.
TEST_F(MutatingPoliciesTest, BothVersionsAreOfTheSameObjects) {
  const std::string alpha = "/apis/admissionregistration.k8s.io/v1alpha1";
  const auto listed = Get(alpha);
  ASSERT_EQ(listed.body["resources"].size(), 2u);
  EXPECT_EQ(listed.body["resources"][0]["storageVersionHash"], "LYmCf+UMVdg=");
  EXPECT_EQ(Get("/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.admissionregistration.k8s.io")
                .body["spec"]["versionPriority"],
            9);
  EXPECT_EQ(Get("/openapi/v3" + alpha).code, 200);
  const std::string policies = alpha + "/mutatingadmissionpolicies";
  const auto made = Post(policies, PolicyOf("p", {"Object{data: {'by': 'alpha'}}"}).dump());
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["apiVersion"], "admissionregistration.k8s.io/v1alpha1");
  EXPECT_EQ(made.body["spec"]["failurePolicy"], "Fail");
  Bind("p");
  EXPECT_EQ(Make("m").body["data"]["by"], "alpha");
  EXPECT_EQ(Get(std::string(kPolicies) + "/p").body["apiVersion"],
            "admissionregistration.k8s.io/v1beta1");
  EXPECT_EQ(Get(policies).body["items"][0]["metadata"]["name"], "p");
  const auto wrong = Post(policies, PolicyOf("q", {}).dump());
  EXPECT_EQ(wrong.code, 422);
  EXPECT_NE(wrong.message().find("mutations must contain at least one item"), std::string::npos);
  const auto kept = Get(alpha + "/mutatingadmissionpolicybindings/b-p");
  EXPECT_EQ(kept.body["spec"]["policyName"], "p");
  EXPECT_EQ(Ask("DELETE", policies + "/p").code, 200);
  EXPECT_EQ(Get(std::string(kPolicies) + "/p").code, 404);
}

TEST_F(MutatingPoliciesTest, OnlyTheOlderVersionSaysWhatBecomesOfNoParameters) {
  const std::string group = "/apis/admissionregistration.k8s.io/";
  const auto bind = [&](const std::string& version) {
    return Post(group + version + "/mutatingadmissionpolicybindings", R"j({
        "metadata": {"name": "b"}, "spec": {"policyName": "p", "paramRef": {"name": "x"}}})j");
  };
  const auto refused = bind("v1beta1");
  EXPECT_EQ(refused.code, 422);
  EXPECT_NE(refused.message().find("spec.paramRef.parameterNotFoundAction: Required value"),
            std::string::npos);
  const auto made = bind("v1alpha1");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"]["paramRef"]["parameterNotFoundAction"], "Deny");
}

TEST_F(MutatingPoliciesTest, TheOlderVersionIsDeprecated) {
  const std::string group = "/apis/admissionregistration.k8s.io/";
  const std::pair<const char*, const char*> kinds[] = {
      {"mutatingadmissionpolicies", "MutatingAdmissionPolicy"},
      {"mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding"}};
  for (const auto& [resource, kind] : kinds) {
    EXPECT_EQ(Get(group + "v1beta1/" + resource).response.Header("Warning"), "");
    for (const char* name : {"", "/none"}) {
      EXPECT_EQ(Get(group + "v1alpha1/" + resource + name).response.Header("Warning"),
                "299 - \"admissionregistration.k8s.io/v1alpha1 " + std::string(kind) +
                    " is deprecated in v1.35+, unavailable in v1.38+\"");
    }
    EXPECT_NE(Get("/metrics")
                  .response.body.find(
                      R"(apiserver_requested_deprecated_apis{group="admissionregistration.k8s.io",)"
                      R"(version="v1alpha1",resource=")" +
                      std::string(resource) + R"(",subresource="",removed_release="1.38"} 1)"),
              std::string::npos);
  }
}

TEST_F(MutatingPoliciesTest, TheOlderVersionHasClosedEnums) {
  for (const std::string version : {"v1beta1", "v1alpha1"}) {
    const Json document =
        Get("/openapi/v3/apis/admissionregistration.k8s.io/" + version).body["components"];
    const auto is_closed = [&](const std::string& type, const char* field) {
      const Json& schemas = document["schemas"];
      const Json& of = schemas.at("io.k8s.api.admissionregistration." + version + "." + type);
      return of.at("properties").at(field).contains("enum");
    };
    const bool closed = version == "v1alpha1";
    EXPECT_EQ(is_closed("MutatingAdmissionPolicySpec", "failurePolicy"), closed);
    EXPECT_EQ(is_closed("MatchResources", "matchPolicy"), closed);
    EXPECT_EQ(is_closed("ParamRef", "parameterNotFoundAction"), closed);
  }
}

TEST_F(IdleMutatingPoliciesTest, WithoutTheGateTheyAreKeptAndDoNothing) {
  Policy("p", {"Object{data: {'k': 'v'}}"});
  Bind("p");
  EXPECT_FALSE(Make("m").body.contains("data"));
}

TEST_F(UnservedMutatingPoliciesTest, ByDefaultThereAreNone) {
  const std::string version = "/apis/admissionregistration.k8s.io/v1beta1";
  EXPECT_EQ(Get(version).code, 404);
  EXPECT_EQ(Get(version + "/mutatingadmissionpolicies").code, 404);
  EXPECT_EQ(Get("/apis/admissionregistration.k8s.io").body["versions"].size(), 1u);
  EXPECT_EQ(Get("/openapi/v3/apis/admissionregistration.k8s.io/v1beta1").code, 404);
  EXPECT_EQ(Get("/openapi/v2").response.body.find("MutatingAdmissionPolicy"), std::string::npos);
  EXPECT_EQ(
      Get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.admissionregistration.k8s.io").code,
      404);
}

}  // namespace
}  // namespace skiff
