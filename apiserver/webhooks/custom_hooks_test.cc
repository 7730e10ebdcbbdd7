// What webhooks of both families, and those that convert, make of objects in another version than
// that of the request. Most are custom resources: v1, which is kept, knows a shade, and v2 does
// not.
#include <gtest/gtest.h>

#include <mutex>

#include "api/codec/base64.h"
#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

class CustomHooks : public HookFixture, public http::Handler {
 protected:
  CustomHooks() { StartHook(*this); }
  ~CustomHooks() override { StopHook(); }

  http::Response Handle(const http::Request& request) override {
    const Json review = Json::parse(request.body);
    const std::lock_guard lock(mutex_);
    if (review["kind"] == "ConversionReview") return Converts(review);
    asked_ = review["request"];
    Json says = {{"allowed", true}};
    if (request.path == "/m") {
      says["patchType"] = "JSONPatch";
      says["patch"] = EncodeBase64(patch_);
    }
    return Says(review, says);
  }
  // Nothing but the version changes, and what `lie_` makes of it.
  http::Response Converts(const Json& review) {
    Json objects = review["request"]["objects"];
    for (Json& object : objects) {
      object["apiVersion"] = review["request"]["desiredAPIVersion"];
      if (lie_) lie_(object);
    }
    http::Response answer;
    answer.content_type = "application/json";
    answer.body = Json{
        {"apiVersion", review["apiVersion"]},
        {"kind", "ConversionReview"},
        {"response",
         {{"uid", review["request"]["uid"]},
          {"result", {{"status", "Success"}}},
          {"convertedObjects",
           objects}}}}.dump();
    return answer;
  }

  // `fields`: properties of its spec.
  static Json Version(const std::string& name, const std::string& fields) {
    Json properties = {{"spec", {{"type", "object"}, {"properties", Json::parse(fields)}}}};
    return {
        {"name", name},
        {"served", true},
        {"storage", name == "v1"},
        {"subresources",
         {{"scale", {{"specReplicasPath", ".spec.size"}, {"statusReplicasPath", ".status.size"}}}}},
        {"schema",
         {{"openAPIV3Schema", {{"type", "object"}, {"properties", std::move(properties)}}}}}};
  }
  void Define(bool by_webhook) {
    Json definition = Json::parse(R"({"metadata": {"name": "lamps.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "lamps", "kind": "Lamp"}}})");
    Json& spec = definition["spec"];
    spec["versions"] = Json::array();
    spec["versions"].push_back(
        Version("v1", R"({"shade": {"type": "string"}, "size": {"type": "integer"},
            "mode": {"type": "string", "default": "one"},
            "pod": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}})"));
    spec["versions"].push_back(
        Version("v2", R"({"size": {"type": "integer"}, "label": {"type": "string"},
            "mode": {"type": "string", "default": "two"},
            "pod": {"type": "object", "x-kubernetes-embedded-resource": true,
                    "x-kubernetes-preserve-unknown-fields": true}})"));
    if (by_webhook) {
      spec["conversion"] = {{"strategy", "Webhook"},
                            {"webhook",
                             {{"conversionReviewVersions", {"v1"}},
                              {"clientConfig",
                               {{"url", Url("/convert")},
                                {"caBundle", EncodeBase64(authority_.certificate_pem())}}}}}};
    }
    const Answer defined =
        Post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition.dump());
    ASSERT_EQ(defined.code, 201) << defined.message();
    Settle();
  }
  static std::string In(const std::string& version, const std::string& rest = "") {
    return "/apis/example.com/" + version + "/namespaces/default/lamps" + rest;
  }
  Answer Make(const std::string& version, const std::string& name, const std::string& spec = "{}") {
    return Post(In(version), R"({"apiVersion": "example.com/)" + version +
                                 R"(", "kind": "Lamp", "metadata": {"name": ")" + name +
                                 R"("}, "spec": )" + spec + "}");
  }
  void Patch(const std::string& patch) {
    const std::lock_guard lock(mutex_);
    patch_ = patch;
  }
  void Lie(std::function<void(Json& object)> lie) {
    const std::lock_guard lock(mutex_);
    lie_ = std::move(lie);
  }
  Json Asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  // Of lamps of v1 that are made, in whatever version.
  Json OfLamps(const std::string& name) {
    return Hook(name, {{"rules",
                        {{{"operations", {"CREATE"}},
                          {"apiGroups", {"example.com"}},
                          {"apiVersions", {"v1"}},
                          {"resources", {"lamps"}}}}}});
  }

  std::mutex mutex_;
  std::string patch_ = "[]";
  std::function<void(Json& object)> lie_;
  Json asked_;
};

TEST_F(CustomHooks, WhatIsSetInAnotherVersionIsKept) {
  Define(false);
  Configure("mutatingwebhookconfigurations", "m", {OfLamps("m")});
  Patch(R"([{"op": "add", "path": "/spec/shade", "value": "x"},
            {"op": "remove", "path": "/spec/mode"}])");
  const Answer made = Make("v2", "a");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"], Json({{"mode", "one"}}));
  EXPECT_EQ(Get(In("v1", "/a")).body["spec"], Json({{"mode", "one"}, {"shade", "x"}}));
}

TEST_F(CustomHooks, WhatIsAddedInAnotherVersionGetsTheDefaultsOfThat) {
  Configure("mutatingwebhookconfigurations", "m",
            {Hook("m", {{"rules",
                         {{{"operations", {"CREATE"}},
                           {"apiGroups", {"autoscaling"}},
                           {"apiVersions", {"v2"}},
                           {"resources", {"horizontalpodautoscalers"}}}}}})});
  Patch(R"([{"op": "add", "path": "/spec/behavior",
             "value": {"scaleDown": {"stabilizationWindowSeconds": 7}}}])");
  const std::string all = "/namespaces/default/horizontalpodautoscalers";
  const Answer made = Post("/apis/autoscaling/v1" + all,
                           R"({"metadata": {"name": "h"}, "spec": {"maxReplicas": 3,
          "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}})");
  ASSERT_EQ(made.code, 201) << made.message();
  Json spec = Get("/apis/autoscaling/v2" + all + "/h").body["spec"];
  Json& down = spec["behavior"]["scaleDown"];
  EXPECT_EQ(down["stabilizationWindowSeconds"], 7);
  EXPECT_EQ(down["policies"].size(), 1u);
}

TEST_F(CustomHooks, ANullThatIsNotAllowedIsRefused) {
  Define(false);
  Configure("mutatingwebhookconfigurations", "m", {OfLamps("m")});
  Patch(R"([{"op": "add", "path": "/spec/shade", "value": null}])");
  EXPECT_EQ(Make("v1", "a").message(),
            "Lamp.example.com \"a\" is invalid: spec.shade: Invalid value: \"null\": spec.shade in "
            "body must be of type string: \"null\"");
}

TEST_F(CustomHooks, WhatIsRenamedIsJudgedByTheNameThatWasSent) {
  Define(false);
  Configure("mutatingwebhookconfigurations", "m", {OfLamps("m")});
  Configure("validatingwebhookconfigurations", "v", {OfLamps("v")});
  Patch(R"([{"op": "replace", "path": "/metadata/name", "value": "other"}])");
  const Answer made = Make("v1", "a");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["metadata"]["name"], "other");
  EXPECT_EQ(Asked()["name"], "a");
  EXPECT_EQ(Asked()["object"]["metadata"]["name"], "other");
}

// As if it had been sent so, in whichever version the webhook was asked.
TEST_F(CustomHooks, WhatIsMadeAnotherKindIsJudgedAsThat) {
  Define(false);
  Configure("mutatingwebhookconfigurations", "m", {OfLamps("m")});
  Patch(R"([{"op": "replace", "path": "/kind", "value": "Other"}])");
  for (const char* version : {"v1", "v2"}) {
    const Answer made = Make(version, "a");
    EXPECT_EQ(made.code, 422) << version;
    EXPECT_EQ(made.message(),
              R"(Other.example.com "a" is invalid: kind: Invalid value: "Other": must be Lamp)");
  }
  const auto refused = [&](const std::string& api_version) {
    Patch(R"([{"op": "replace", "path": "/apiVersion", "value": ")" + api_version + R"("}])");
    return Make("v2", "a").message();
  };
  EXPECT_EQ(refused("example.com/v9"),
            "request to convert CR from an invalid group/version: example.com/v9");
  EXPECT_EQ(refused("a/b/c"), "Internal error occurred: unexpected GroupVersion string: a/b/c");
}

TEST_F(CustomHooks, NullsThatAVersionDoesNotAllowAreNotConverted) {
  Define(true);
  ASSERT_EQ(Make("v1", "a").code, 201);
  Lie([](Json& object) {
    if (object["apiVersion"] == "example.com/v2") object["spec"]["label"] = nullptr;
  });
  EXPECT_FALSE(Get(In("v2", "/a")).body["spec"].contains("label"));
  EXPECT_FALSE(Get(In("v2")).body["items"][0]["spec"].contains("label"));
  const Answer changed = Merge(In("v2", "/a"), R"({"metadata": {"labels": {"a": "b"}}})");
  ASSERT_EQ(changed.code, 200) << changed.message();
  EXPECT_EQ(changed.body["metadata"]["generation"], 1);
}

// Kubernetes shows neither it nor a list that it is in.
TEST_F(CustomHooks, WhatIsNoMetadataOfAnEmbeddedResourceKeepsNobodyFromTheOthers) {
  Define(false);
  const Answer made =
      Make("v1", "a", R"({"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": 5}})");
  ASSERT_EQ(made.code, 201) << made.message();
  // What is no object has no fields that could be kept alone.
  EXPECT_EQ(Get(In("v2", "/a")).body["spec"]["pod"],
            Json({{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", 5}}));
  EXPECT_EQ(Get(In("v2")).code, 200);
}

TEST_F(CustomHooks, AScaleIsSetThoughAWebhookLeavesNothingOfIt) {
  Define(true);
  ASSERT_EQ(Make("v1", "a").code, 201);
  Lie([](Json& object) { object["spec"].erase("size"); });
  const std::string scale = R"({"spec": {"replicas": 3}})";
  const Answer scaled = Merge(In("v2", "/a/scale"), scale);
  EXPECT_EQ(scaled.code, 200) << scaled.message();
  EXPECT_EQ(scaled.body["spec"].value("replicas", 0), 0);
  Lie([](Json& object) {
    if (object["apiVersion"] == "example.com/v1") object["spec"]["size"] = "many";
  });
  EXPECT_EQ(Merge(In("v2", "/a/scale"), scale).code, 400);
  EXPECT_EQ(Get(In("v2", "/a/scale")).code, 500);
}

}  // namespace
}  // namespace skiff
