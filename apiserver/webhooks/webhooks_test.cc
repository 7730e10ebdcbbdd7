// Admission webhooks against the real server: the webhook is a real one too, over TLS on loopback.
#include <gtest/gtest.h>

#include "apiserver/server/full_room_fixture.h"
#include "apiserver/webhooks/webhook_fixture.h"

namespace skiff {
namespace {

TEST_F(WebhookTest, ARefusalSaysWhatTheWebhookSaid) {
  Validating({Hook("v")});
  At("/v", Denies({{"code", 403}, {"message", "not today"}, {"reason", "SomethingElse"},
                   {"details", {{"causes", {{{"message", "because"}}}}}}}));
  const auto refused = MakeMap("a");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "admission webhook \"v.example.com\" denied the request: not today");
  EXPECT_EQ(refused.body["reason"], "SomethingElse");
  EXPECT_EQ(refused.body["details"]["causes"][0]["message"], "because");
  EXPECT_EQ(Get(std::string(kMaps) + "/a").code, 404);
  At("/v", Denies({{"reason", "the map is bad"}}));
  const auto by_reason = MakeMap("a");
  EXPECT_EQ(by_reason.code, 400);
  EXPECT_EQ(by_reason.message(),
            "admission webhook \"v.example.com\" denied the request: the map is bad");
  At("/v", Denies(nullptr));
  EXPECT_EQ(MakeMap("a").message(),
            "admission webhook \"v.example.com\" denied the request without explanation");
}

// By the clock of this server, which stands still, all of the time that it is to blame for is less
// than that of webhooks.
TEST_F(WebhookTest, NoTimeOfAWebhookIsTheServersOwn) {
  const auto own_seconds = [&] {
    const std::string text = Get("/metrics").response.body;
    const std::string name =
        R"(apiserver_request_sli_duration_seconds_sum{verb="POST",group="",version="v1",)"
        R"(resource="configmaps",subresource="",scope="resource",component="apiserver"} )";
    const size_t at = text.find(name);
    return at == text.npos ? -1 : std::stod(text.substr(at + name.size(), 30));
  };
  ASSERT_EQ(MakeMap("a").code, 201);
  EXPECT_EQ(own_seconds(), 0);
  Mutating({Hook("m")});
  ASSERT_EQ(MakeMap("b").code, 201);
  const double after_one = own_seconds();
  EXPECT_LT(after_one, 0);
  Validating({Hook("v")});
  ASSERT_EQ(MakeMap("c").code, 201);
  EXPECT_LT(own_seconds(), after_one);
  const double before = own_seconds();
  ASSERT_EQ(MakeMap("d", "?dryRun=All").code, 201);
  EXPECT_EQ(own_seconds(), before) << "nobody counts on what only might be";
}

TEST_F(WebhookTest, AReviewShowsTheRequest) {
  Validating({Hook("v")});
  ASSERT_EQ(MakeMap("a", "?fieldManager=me").code, 201);
  const Json request = LastRequest();
  EXPECT_EQ(request["operation"], "CREATE");
  EXPECT_EQ(request["name"], "a");
  EXPECT_EQ(request["namespace"], "default");
  EXPECT_EQ(request["kind"]["kind"], "ConfigMap");
  EXPECT_EQ(request["requestResource"]["resource"], "configmaps");
  EXPECT_EQ(request["userInfo"]["username"], "admin");
  EXPECT_EQ(request["dryRun"], false);
  EXPECT_EQ(request["options"]["kind"], "CreateOptions");
  EXPECT_EQ(request["options"]["fieldManager"], "me");
  EXPECT_EQ(request["object"]["data"]["a"], "b");
  EXPECT_EQ(request["object"]["apiVersion"], "v1");
  EXPECT_TRUE(request["oldObject"].is_null());
  EXPECT_EQ(targets_.back(), "/v?timeout=20s");
  ASSERT_EQ(Merge(std::string(kMaps) + "/a", R"({"data": {"c": "d"}})").code, 200);
  EXPECT_EQ(LastRequest()["operation"], "UPDATE");
  EXPECT_EQ(LastRequest()["options"]["kind"], "UpdateOptions");
  EXPECT_EQ(LastRequest()["oldObject"]["data"], Json({{"a", "b"}}));
  ASSERT_EQ(Ask("DELETE", std::string(kMaps) + "?labelSelector=x!=y").code, 200);
  EXPECT_EQ(LastRequest()["operation"], "DELETE");
  EXPECT_FALSE(LastRequest().contains("name"));
  EXPECT_TRUE(LastRequest()["object"].is_null());
  EXPECT_EQ(LastRequest()["oldObject"]["metadata"]["name"], "a");
}

TEST_F(WebhookTest, AMutatingWebhookChangesTheObjectAndOwnsNothingOfIt) {
  Mutating({Hook("m")});
  Validating({Hook("v")});
  At("/m", Patches(R"([{"op": "add", "path": "/data/added", "value": "x"}])"));
  const auto made = MakeMap("a");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["data"], Json({{"a", "b"}, {"added", "x"}}));
  EXPECT_EQ(LastRequest()["object"]["data"]["added"], "x") << "whoever validates sees it";
  EXPECT_EQ(made.body["metadata"]["managedFields"].dump().find("f:added"), std::string::npos);
}

TEST_F(WebhookTest, WhatAWebhookChangedGetsANameFromItsPrefix) {
  Mutating({Hook("m")});
  At("/m", Patches(R"([{"op": "add", "path": "/data", "value": {"added": "x"}}])"));
  const auto made = Post(kMaps, R"({"metadata": {"generateName": "prefix-of-a-new-name-"}})");
  ASSERT_EQ(made.code, 201) << made.message();
  const std::string name = made.body["metadata"]["name"];
  EXPECT_TRUE(name.starts_with("prefix-of-a-new-name-")) << name;
}

TEST_F(WebhookTest, APatchMovesNothing) {
  Mutating({Hook("m")});
  const auto patched = [&](const std::string& name, const std::string& operation) {
    At("/m", Patches("[" + operation + "]"));
    return MakeMap(name);
  };
  const auto moved =
      patched("a", R"({"op": "replace", "path": "/metadata/namespace", "value": "kube-system"})");
  EXPECT_EQ(moved.code, 400);
  EXPECT_EQ(moved.message(),
            "the namespace of the provided object does not match the namespace sent on the request");
  EXPECT_EQ(Ask("GET", "/api/v1/namespaces/kube-system/configmaps/a").code, 404);
  const auto lost = patched("b", R"({"op": "remove", "path": "/metadata/namespace"})");
  EXPECT_EQ(lost.code, 201) << lost.message();
  EXPECT_EQ(lost.body["metadata"]["namespace"], "default");
  At("/m", Patches(R"([{"op": "replace", "path": "/metadata/namespace", "value": "kube-system"}])"));
  const auto changed = Merge("/api/v1/namespaces/default/configmaps/b",
                             R"({"metadata": {"labels": {"a": "b"}}})");
  EXPECT_EQ(changed.code, 400);
  EXPECT_EQ(changed.message(), moved.message());
  const auto going = patched("c", R"({"op": "add", "path": "/metadata/deletionTimestamp",
                                      "value": "2020-01-01T00:00:00Z"})");
  EXPECT_EQ(going.code, 201) << going.message();
  EXPECT_FALSE(going.body["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(patched("d", R"({"op": "add", "path": "/metadata/resourceVersion", "value": "7"})")
                .message(),
            "resourceVersion should not be set on objects to be created");
}

TEST_F(WebhookTest, ABindingIsOfThePodThatWasAskedFor) {
  for (const char* name : {"asked", "other"}) ASSERT_EQ(MakePod(name).code, 201);
  Mutating({Hook("m", OnCreate("pods/binding"))});
  At("/m", Patches(R"([{"op": "replace", "path": "/metadata/name", "value": "other"}])"));
  const auto bound = Post("/api/v1/namespaces/default/pods/asked/binding",
                          R"({"metadata": {"name": "asked"}, "target": {"name": "n"}})");
  EXPECT_EQ(bound.code, 400);
  EXPECT_EQ(bound.message(), "name in URL does not match name in Binding object");
  const auto other = Ask("GET", "/api/v1/namespaces/default/pods/other");
  EXPECT_FALSE(other.body["spec"].contains("nodeName"));
}

TEST_F(WebhookTest, ATokenIsWhatTheWebhookMadeOfTheRequest) {
  Mutating({Hook("m", OnCreate("serviceaccounts/token"))});
  At("/m", Patches(R"([{"op": "add", "path": "/spec/expirationSeconds", "value": 700}])"));
  const auto token = Post("/api/v1/namespaces/default/serviceaccounts/default/token",
                          R"({"spec": {"audiences": ["x"]}})");
  ASSERT_EQ(token.code, 201) << token.message();
  EXPECT_EQ(token.body["spec"]["expirationSeconds"], 700);
}

// The request has passed all that it could be told of the definition, which then goes with all its
// objects while a webhook is asked.
TEST_F(WebhookTest, NothingIsLeftOfADefinitionThatWentMeanwhile) {
  const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  ASSERT_EQ(Post(definitions, R"({"metadata": {"name": "lamps.example.com"}, "spec": {
      "group": "example.com", "scope": "Namespaced",
      "names": {"plural": "lamps", "singular": "lamp", "kind": "Lamp", "listKind": "LampList"},
      "versions": [{"name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object"}}}]}})")
                .code,
            201);
  Settle();
  Validating({Hook("v", {{"rules",
                          {{{"operations", {"CREATE"}},
                            {"apiGroups", {"example.com"}},
                            {"apiVersions", {"v1"}},
                            {"resources", {"lamps"}}}}}})});
  At("/v", [&](const Json& review) {
    Hang();
    return Says(review, {{"allowed", true}});
  });
  auto made = std::async(std::launch::async, [&] {
    return Post("/apis/example.com/v1/namespaces/default/lamps",
                R"({"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "l"}})");
  });
  AwaitHanging(1);
  ASSERT_EQ(Ask("DELETE", definitions + "/lamps.example.com").code, 200);
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(1s);
    Settle();
  }
  EXPECT_EQ(Ask("GET", definitions + "/lamps.example.com").code, 404);
  Release();
  EXPECT_EQ(made.get().code, 404);
  const auto left = store_->List({.prefix = "/registry/example.com/lamps/"});
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->records.empty());
}

TEST_F(WebhookTest, WhatAWebhookAddsGetsDefaults) {
  Mutating({Hook("m", {{"rules",
                        {{{"operations", {"CREATE"}},
                          {"apiGroups", {""}},
                          {"apiVersions", {"v1"}},
                          {"resources", {"pods"}}}}}})});
  At("/m", Patches(R"([{"op": "add", "path": "/spec/initContainers", "value":
                       [{"name": "first", "image": "i"}]}])"));
  const auto made = Post("/api/v1/namespaces/default/pods",
                         R"({"metadata": {"name": "p"}, "spec": {"containers":
                            [{"name": "c", "image": "i"}]}})");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"]["initContainers"][0]["terminationMessagePolicy"], "File");
  EXPECT_EQ(made.body["spec"]["volumes"].size(), 1u) << "the plugins that ran again add nothing";
}

// Plugins look at it once more before it is decoded again.
TEST_F(WebhookTest, WhatMakesNonsenseOfABindingIsAnsweredAndNotThrownOver) {
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata": {"name": "n", "labels":
                 {"topology.kubernetes.io/zone": "z"}}})")
                .code,
            201);
  ASSERT_EQ(MakePod("p").code, 201);
  Mutating({Hook("m", OnCreate("pods/binding"))});
  for (const char* patch : {R"([{"op": "replace", "path": "/target", "value": "x"}])",
                            R"([{"op": "replace", "path": "/target/name", "value": 7}])",
                            R"([{"op": "replace", "path": "/metadata", "value": "x"}])",
                            R"([{"op": "replace", "path": "/metadata/labels", "value": "x"}])"}) {
    At("/m", Patches(patch));
    const auto bound = Post("/api/v1/namespaces/default/pods/p/binding",
                            R"({"metadata": {"name": "p"},
                                "target": {"kind": "Node", "name": "n"}})");
    EXPECT_NE(bound.code, 201) << patch;
    EXPECT_NE(bound.message(), "") << patch;
  }
  EXPECT_FALSE(Ask("GET", "/api/v1/namespaces/default/pods/p").body["spec"].contains("nodeName"));
}

TEST_F(WebhookTest, AWebhookIsAskedAgainOnceWhenLaterOnesChangeSomething) {
  Mutating({Hook("first", {{"reinvocationPolicy", "IfNeeded"}}), Hook("second"),
            Hook("third", {{"reinvocationPolicy", "IfNeeded"}})});
  At("/second", Patches(R"([{"op": "add", "path": "/data/second", "value": "x"}])"));
  ASSERT_EQ(MakeMap("a").code, 201);
  EXPECT_EQ(Called(), (std::vector<std::string>{"/first", "/second", "/third", "/first"}));
  EXPECT_EQ(LastRequest()["object"]["data"]["second"], "x");
}

// The first patch of a request that has managed fields to write counts as a change, as in
// kube-apiserver; a second one that says nothing new does not, nor one of a write that does
// nothing.
TEST_F(WebhookTest, APatchThatChangesNothingIsAChangeOfWhatTheRequestHasJustWritten) {
  Mutating({Hook("first", {{"reinvocationPolicy", "IfNeeded"}}), Hook("second"),
            Hook("third", {{"reinvocationPolicy", "IfNeeded"}}), Hook("fourth")});
  const auto nothing = Patches(R"([{"op": "replace", "path": "/metadata/name", "value": "a"}])");
  At("/second", nothing);
  At("/fourth", nothing);
  const std::vector<std::string> again = {"/first", "/second", "/third", "/fourth", "/first"};
  ASSERT_EQ(MakeMap("a").code, 201);
  EXPECT_EQ(Called(), again);
  const std::string path = "/api/v1/namespaces/default/configmaps/a";
  const auto count = Called().size();
  ASSERT_EQ(Ask("PATCH", path, R"({"data": {"x": "y"}})", "application/merge-patch+json").code,
            200);
  EXPECT_EQ(Called().size(), count + 5);
  ASSERT_EQ(Ask("PATCH", path, R"({"data": {"x": "y"}})", "application/merge-patch+json").code,
            200);
  EXPECT_EQ(Called().size(), count + 5 + 4);
}

TEST_F(WebhookTest, ADryRunIsAskedAboutAsOne) {
  Validating({Hook("v", {{"sideEffects", "NoneOnDryRun"}})});
  ASSERT_EQ(MakeMap("a", "?dryRun=All").code, 201);
  EXPECT_EQ(LastRequest()["dryRun"], true);
  EXPECT_EQ(LastRequest()["options"]["dryRun"], Json({"All"}));
}

TEST_F(WebhookTest, AnEquivalentVersionIsSentAndItsPatchTakenBack) {
  Mutating({Hook("m", {{"rules",
                        {{{"operations", {"*"}},
                          {"apiGroups", {"autoscaling"}},
                          {"apiVersions", {"v1"}},
                          {"resources", {"horizontalpodautoscalers"}}}}}})});
  At("/m", Patches(R"([{"op": "add", "path": "/spec/targetCPUUtilizationPercentage", "value": 7}])"));
  const auto made = Post("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
                         R"({"metadata": {"name": "h"}, "spec": {"maxReplicas": 3,
        "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}})");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(LastRequest()["object"]["apiVersion"], "autoscaling/v1");
  EXPECT_EQ(LastRequest()["kind"]["version"], "v1");
  EXPECT_EQ(LastRequest()["requestKind"]["version"], "v2");
  EXPECT_EQ(made.body["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 7);
}

TEST_F(WebhookTest, MatchConditionsDecideWhoIsAsked) {
  const auto conditions = [](const char* expression) {
    return Json{{"matchConditions", {{{"name", "c"}, {"expression", expression}}}}};
  };
  Validating({Hook("v", conditions("object.data.a != 'b' && request.operation == 'CREATE'"))});
  ASSERT_EQ(MakeMap("a").code, 201);
  EXPECT_TRUE(Called().empty());
  Configure("validatingwebhookconfigurations", "w",
            {Hook("w", conditions("object.data.nothing == 'x'"))});
  const auto refused = MakeMap("b");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "configmaps \"b\" is forbidden: expression 'object.data.nothing == 'x'' resulted in "
            "error: no such key: nothing");
  // Nobody knows yet what those who are asked first would refuse.
  Configure("mutatingwebhookconfigurations", "u", {Hook("u", conditions("object.data.no == 'x'"))});
  EXPECT_EQ(
      Post("/api/v1/namespaces/default/configmaps",
           R"({"metadata": {"generateName": "b-"}, "data": {}})")
          .message(),
      "configmaps is forbidden: expression 'object.data.no == 'x'' resulted in error: no such "
      "key: data");
  ASSERT_EQ(
      Ask("DELETE", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/u").code,
      200);
  Configure("mutatingwebhookconfigurations", "x",
            {Hook("x", conditions("authorizer.group('').resource('pods').check('get').allowed()"))});
  EXPECT_EQ(MakeMap("b").code, 403);
  EXPECT_EQ(Called(), (std::vector<std::string>{"/x"}));
  const std::string metrics = Get("/metrics").response.body;
  const auto has = [&](const std::string& metric, const std::string& name,
                       const std::string& type) {
    return metrics.find("apiserver_admission_match_condition_" + metric + "{name=\"" + name +
                        ".example.com\",kind=\"webhook\",type=\"" + type +
                        "\",operation=\"CREATE\"} ") != std::string::npos;
  };
  EXPECT_TRUE(has("exclusions_total", "v", "validating"));
  EXPECT_FALSE(has("evaluation_errors_total", "v", "validating"));
  EXPECT_TRUE(has("evaluation_errors_total", "w", "validating"));
  EXPECT_TRUE(has("evaluation_seconds_count", "x", "admit"));
}

TEST_F(WebhookTest, NobodyPassesAWebhookWhoseConditionFindsNoMemory) {
  const Json large = {{"failurePolicy", "Ignore"},
                      {"matchConditions",
                       {{{"name", "c"}, {"expression", "lists.range(100000).size() == 100000"}}}}};
  const auto expect = [&](const char* name, const std::string& path) {
    At(path, Denies({{"message", "never"}}));
    {
      const FullRoom full;
      EXPECT_EQ(MakeMap(name).code, 429);
    }
    EXPECT_TRUE(Called().empty());
    EXPECT_EQ(Get(std::string(kMaps) + "/" + name).code, 404);
  };
  Validating({Hook("v", large)});
  expect("a", "/v");
  ASSERT_EQ(
      Ask("DELETE", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v").code,
      200);
  Mutating({Hook("m", large)});
  expect("b", "/m");
  EXPECT_EQ(MakeMap("b").code, 400);
  EXPECT_EQ(Called(), (std::vector<std::string>{"/m"}));
}

TEST_F(WebhookTest, AConnectionIsAskedAboutByItsOptions) {
  Validating({Hook("v", {{"rules",
                          {{{"operations", {"CONNECT"}},
                            {"apiGroups", {""}},
                            {"apiVersions", {"v1"}},
                            {"resources", {"pods/exec"}}}}}})});
  At("/v", Denies({{"message", "no shells"}}));
  const auto refused =
      Ask("POST", "/api/v1/namespaces/default/pods/p/exec?command=sh&stdout=true");
  EXPECT_EQ(refused.message(), "admission webhook \"v.example.com\" denied the request: no shells");
  EXPECT_EQ(LastRequest()["operation"], "CONNECT");
  EXPECT_EQ(LastRequest()["kind"]["kind"], "PodExecOptions");
  EXPECT_EQ(LastRequest()["object"]["command"], Json({"sh"}));
  EXPECT_EQ(LastRequest()["subResource"], "exec");
}

TEST_F(WebhookTest, AScaleIsShownAsOneAndMayBeChanged) {
  ASSERT_EQ(Post("/apis/apps/v1/namespaces/default/deployments",
                 R"({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}},
                     "spec": {"containers": [{"name": "c", "image": "i"}]}}}})")
                .code,
            201);
  Mutating({Hook("m", {{"rules",
                        {{{"operations", {"UPDATE"}},
                          {"apiGroups", {"apps"}},
                          {"apiVersions", {"v1"}},
                          {"resources", {"*/scale"}}}}}})});
  At("/m", Patches(R"([{"op": "replace", "path": "/spec/replicas", "value": 4}])"));
  const auto scaled = Merge("/apis/apps/v1/namespaces/default/deployments/d/scale",
                            R"({"spec": {"replicas": 9}})");
  ASSERT_EQ(scaled.code, 200) << scaled.message();
  EXPECT_EQ(scaled.body["spec"]["replicas"], 4);
  EXPECT_EQ(LastRequest()["object"]["kind"], "Scale");
  EXPECT_EQ(LastRequest()["object"]["spec"]["replicas"], 9);
  EXPECT_EQ(LastRequest()["oldObject"]["spec"]["replicas"], 1);
}

TEST_F(WebhookTest, NobodyIsAskedAboutTheConfigurationsThemselves) {
  const Json all = {{"rules",
                     {{{"operations", {"*"}},
                       {"apiGroups", {"*"}},
                       {"apiVersions", {"*"}},
                       {"resources", {"*/*"}}}}}};
  At("/v", Denies({{"message", "no"}}));
  Validating({Hook("v", all)});
  EXPECT_EQ(MakeMap("a").code, 400);
  EXPECT_EQ(Ask("DELETE",
                "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v")
                .code,
            200);
  EXPECT_EQ(MakeMap("a").code, 201);
}

TEST_F(WebhookTest, WarningsReachTheClient) {
  Validating({Hook("v")});
  At("/v", [](const Json& review) {
    return Says(review, {{"allowed", true}, {"warnings", {"mind the gap"}}});
  });
  const auto made = MakeMap("a");
  EXPECT_EQ(made.response.Header("Warning"), "299 - \"mind the gap\"");
}

}  // namespace
}  // namespace skiff
