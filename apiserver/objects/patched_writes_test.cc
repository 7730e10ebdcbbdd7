// Writes that kube-apiserver v1.35.6 was asked beside this server, and answered otherwise.
#include <gmock/gmock.h>

#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

using testing::HasSubstr;

class PatchedWrites : public CustomResources {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  Answer Strategic(const std::string& path, const std::string& patch) {
    return Ask("PATCH", path, patch, "application/strategic-merge-patch+json");
  }
};

TEST_F(PatchedWrites, AVersionThatAPatchTakesAwayIsMissed) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  const std::string drop = R"({"metadata": {"resourceVersion": null}})";
  const Answer custom = Merge(path_ + "/a", drop);
  EXPECT_EQ(custom.code, 422);
  EXPECT_EQ(custom.message(),
            "crons.example.com \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must "
            "be specified for an update");
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}})").code, 201);
  EXPECT_EQ(Merge(std::string(kMaps) + "/m", drop).code, 200) << "such a kind needs none";
}

TEST_F(PatchedWrites, APatchedScaleStaysWhereItIs) {
  const std::string sets = "/apis/apps/v1/namespaces/default/replicasets";
  ASSERT_EQ(Post(sets, R"({"metadata": {"name": "rs"}, "spec": {"selector": {"matchLabels":
                {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers":
                [{"name": "c", "image": "i"}]}}}})")
                .code,
            201);
  const Answer named = Merge(sets + "/rs/scale", R"({"metadata": {"name": "other"}})");
  EXPECT_EQ(named.code, 400);
  EXPECT_EQ(named.message(),
            "the name of the object (other) does not match the name on the URL (rs)");
  const Answer placed = Merge(sets + "/rs/scale", R"({"metadata": {"namespace": "other"}})");
  EXPECT_EQ(placed.code, 400);
  EXPECT_EQ(
      placed.message(),
      "the namespace of the provided object does not match the namespace sent on the request");
}

TEST_F(PatchedWrites, ADryNewObjectHearsThatTheOldOneIsGoing) {
  const std::string held = R"({"metadata": {"name": "h", "finalizers": ["example.com/x"]}})";
  ASSERT_EQ(Post(kMaps, held).code, 201);
  ASSERT_EQ(Ask("DELETE", std::string(kMaps) + "/h").code, 200);
  EXPECT_EQ(Post(std::string(kMaps) + "?dryRun=All", held).message(),
            "object is being deleted: configmaps \"h\" already exists");
}

TEST_F(PatchedWrites, WhatAnObjectIsMayNotBeSaidTwice) {
  const Answer twice = Post(std::string(kMaps) + "?fieldValidation=Strict",
                            R"({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "t"},
                                "kind": "ConfigMap"})");
  EXPECT_EQ(twice.code, 400);
  EXPECT_THAT(twice.message(), HasSubstr("strict decoding error: duplicate field \"kind\""));
  Define(Definition(Schema()));
  EXPECT_THAT(
      Post(path_, R"({"kind": {}, "apiVersion": "example.com/v1"})").message(),
      HasSubstr("couldn't get version/kind; json parse error: json: cannot unmarshal object "
                "into Go struct field .kind of type string"));
}

TEST_F(PatchedWrites, AListIsNoObject) {
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}})").code, 201);
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("i", {{"image", "web"}})).code, 201);
  for (const std::string& one : {std::string(kMaps) + "/m", path_ + "/i"}) {
    const Answer patched = Ask("PATCH", one, R"([{"op": "replace", "path": "", "value": []}])",
                               "application/json-patch+json");
    EXPECT_EQ(patched.code, 422) << one;
    EXPECT_THAT(patched.message(), HasSubstr("Invalid value: \"[]\": couldn't get version/kind; json "
                                             "parse error: json: cannot unmarshal array"));
  }
}

TEST_F(PatchedWrites, AStrategicPatchIsConvertedAsGoDoes) {
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}, "data": {"a": "b"}})").code, 201);
  const std::string one = std::string(kMaps) + "/m";
  EXPECT_THAT(Strategic(one, R"({"data": {"a": true}})").message(),
              HasSubstr("unrecognized type: string"));
  EXPECT_THAT(Strategic(one, R"({"data": []})").message(),
              HasSubstr("cannot restore map from slice"));
  EXPECT_THAT(Strategic(one, R"({"binaryData": {"a": "!"}})").message(),
              HasSubstr("error decoding from json: illegal base64 data at input byte 0"));
  EXPECT_THAT(Strategic(one, R"({"metadata": {"creationTimestamp": {}}})").message(),
              HasSubstr("json: cannot unmarshal object into Go value of type string"));
  EXPECT_EQ(Strategic(one, R"({"data": {"a": {"$patch": "delete"}}})").body.count("data"), 0u);
}

TEST_F(PatchedWrites, WhatShouldHaveAFormatIsToldOfIt) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["when"] = {{"type", "string"},
                                                        {"format", "date-time"}};
  Define(Definition(schema));
  EXPECT_EQ(Post(path_, Cron("a", {{"image", "web"}, {"when", true}})).message(),
            "Cron.example.com \"a\" is invalid: spec.when: Invalid value: \"\": spec.when in body "
            "must be of type date-time: \"\"");
}

TEST_F(PatchedWrites, WhatIsBoundHasAName) {
  const Answer bound =
      Post("/api/v1/namespaces/default/bindings", R"({"target": {"kind": "Node", "name": "n"}})");
  EXPECT_EQ(bound.code, 400);
  EXPECT_EQ(bound.message(), "Name parameter required.");
}

TEST_F(PatchedWrites, AnAppliedQuantityIsAScalar) {
  const Answer applied =
      Ask("PATCH", "/api/v1/namespaces/default/resourcequotas/q?fieldManager=m",
          R"({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
          "spec": {"hard": {"pods": {}}}})",
          "application/apply-patch+yaml");
  EXPECT_THAT(applied.message(), HasSubstr(".spec.hard.pods: expected any scalar, got &{map[]}"));
}

TEST_F(PatchedWrites, WhatAnEmbeddedResourceIsHasAnOwner) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["pod"] = {
      {"type", "object"},
      {"x-kubernetes-embedded-resource", true},
      {"x-kubernetes-preserve-unknown-fields", true}};
  Define(Definition(schema));
  const Answer made = Post(
      path_,
      Cron("a", {{"image", "web"},
                 {"pod", {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "p"}}}}}}));
  ASSERT_EQ(made.code, 201) << made.message();
  const Json& fields = made.body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:pod"];
  EXPECT_TRUE(fields.contains("f:apiVersion")) << fields;
  EXPECT_TRUE(fields.contains("f:kind")) << fields;
}

}  // namespace
}  // namespace skiff
