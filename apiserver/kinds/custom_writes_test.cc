// Writes of custom resources that are no whole objects: applies, scales, and what defaults add.
#include <gtest/gtest.h>

#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

TEST_F(CustomResources, ADefaultOfMetadataHasNoMoreThanMetadata) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["inner"] = Json::parse(R"({"type": "object",
      "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
      "properties": {"metadata": {"type": "object", "default": {"name": "a", "zzz": 1}}}})");
  Define(Definition(schema));
  const Answer made =
      Post(path_, Cron("a", {{"image", "web"}, {"inner", {{"apiVersion", "v1"}, {"kind", "X"}}}}));
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"]["inner"]["metadata"], Json::parse(R"({"name": "a"})"));
}

// Records have marks among their fields, and this one was called so.
TEST_F(CustomResources, ASelectableFieldIsNoMarkOfItsRecord) {
  const std::string name = std::string("\x1c") + "onverted";
  Json schema = Schema();
  schema["properties"][name] = {{"type", "string"}};
  Json definition = Definition(schema);
  definition["spec"]["versions"][0]["selectableFields"][0]["jsonPath"] = "." + name;
  Define(definition);
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  const Json patch = {
      {"op", "add"},
      {"path", "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/mode"},
      {"value", {{"type", "string"}, {"default", "plain"}}}};
  ASSERT_EQ(Ask("PATCH", definitions_ + "/crons.example.com", Json::array({patch}).dump(),
                "application/json-patch+json")
                .code,
            200);
  Settle();
  EXPECT_EQ(Get(path_ + "/a").body["spec"]["mode"], "plain");
}

TEST_F(CustomResources, WhatMayHoldAnythingIsStillAppliedAsAnObject) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["free"] = {
      {"type", "object"},
      {"x-kubernetes-preserve-unknown-fields", true},
      {"properties",
       {{"inner", {{"type", "object"}, {"properties", {{"known", {{"type", "string"}}}}}}}}}};
  schema["properties"]["spec"]["properties"]["open"] = {
      {"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
  Define(Definition(schema));
  const auto apply = [&](const char* manager, const Json& free) {
    return Ask("PATCH", path_ + "/a?fieldManager=" + manager,
               Cron("a", {{"image", "web"}, {"free", free}}), "application/apply-patch+yaml");
  };
  ASSERT_EQ(apply("one", {{"a", {{"x", 1}}}}).code, 201);
  const Answer both = apply("two", {{"a", {{"y", 2}}}});
  ASSERT_EQ(both.code, 200) << both.message();
  EXPECT_EQ(both.body["spec"]["free"], Json::parse(R"({"a": {"x": 1, "y": 2}})"));
  // Of which fields are known there, pruning decides.
  const Answer inner = apply("one", {{"inner", {{"known", "k"}, {"zz", 1}}}});
  ASSERT_EQ(inner.code, 200) << inner.message();
  EXPECT_EQ(inner.body["spec"]["free"]["inner"], Json::parse(R"({"known": "k"})"));
  const Answer refused = apply("one", "text");
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(),
            "failed to create typed patch object (/a; example.com/v1, Kind=Cron): .spec.free: "
            "expected map, got &{text}");
  const Answer open =
      Ask("PATCH", path_ + "/a?fieldManager=one", Cron("a", {{"image", "web"}, {"open", "text"}}),
          "application/apply-patch+yaml");
  EXPECT_EQ(open.code, 500) << open.message();
}

TEST_F(CustomResources, APatchOfAScaleSetsReplicasThatWereNotThere) {
  Define(Definition(Json::parse(R"({"type": "object", "properties": {"spec": {"type": "object",
      "properties": {"replicas": {"type": "integer"}, "image": {"type": "string"}}}}})")));
  ASSERT_EQ(Post(path_, Cron("a", Json::object())).code, 201);
  EXPECT_EQ(Get(path_ + "/a/scale").message(),
            "Internal error occurred: the spec replicas field \".spec.replicas\" does not exist");
  // Not even by chance: a patch of something else leaves the object as it is.
  const Answer left = Merge(path_ + "/a/scale", R"({"metadata": {"labels": {"a": "b"}}})");
  EXPECT_EQ(left.code, 400);
  EXPECT_EQ(left.message(), "the spec replicas field \".spec.replicas\" cannot be empty");
  EXPECT_FALSE(Get(path_ + "/a").body["spec"].contains("replicas"));
  const Answer scaled = Merge(path_ + "/a/scale", R"({"spec": {"replicas": 3}})");
  ASSERT_EQ(scaled.code, 200) << scaled.message();
  EXPECT_EQ(scaled.body["spec"]["replicas"], 3);
  EXPECT_EQ(Get(path_ + "/a").body["spec"]["replicas"], 3);
}

// To Go a number with a fraction is another one, though it is kept as the same text.
TEST_F(CustomResources, TheGenerationMovesWithTheKindOfANumber) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["part"] = {{"type", "number"}};
  Define(Definition(schema));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}, {"part", 1}})).code, 201);
  EXPECT_EQ(Merge(path_ + "/a", R"({"spec": {"part": 1}})").body["metadata"]["generation"], 1);
  EXPECT_EQ(Merge(path_ + "/a", R"({"spec": {"part": 1.0}})").body["metadata"]["generation"], 2);
}

// What is kept is checked by the version that it is kept in as well.
TEST_F(CustomResources, AResourceThatTheKeptVersionAloneKnowsIsOneThroughEachVersion) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["inner"] = Json::parse(R"({"type": "object",
      "additionalProperties": {"type": "object", "x-kubernetes-embedded-resource": true,
                               "x-kubernetes-preserve-unknown-fields": true}})");
  Json definition = Definition(schema);
  Json& versions = definition["spec"]["versions"];
  versions[0].erase("selectableFields");  // Those of all versions need a schema of all.
  Json free = versions[0];
  free["name"] = "v2";
  free["storage"] = false;
  free["schema"]["openAPIV3Schema"] = {{"type", "object"},
                                       {"x-kubernetes-preserve-unknown-fields", true}};
  versions.push_back(free);
  Define(definition);
  std::string other = path_;
  other.replace(other.find("/v1/"), 4, "/v2/");
  const auto with = [](const std::string& metadata) {
    return R"({"apiVersion": "example.com/v2", "kind": "Cron", "metadata": {"name": "a"},
        "spec": {"image": "web", "inner": {"k": {"apiVersion": "v1", "kind": "X", "metadata": )" +
           metadata + "}}}}";
  };
  const std::string why =
      "spec.inner[k].metadata: Invalid value: \"x\": json: cannot unmarshal string into Go value "
      "of type v1.ObjectMeta";
  for (const char* query : {"", "?dryRun=All"}) {
    const Answer refused = Post(other + query, with(R"("x")"));
    EXPECT_EQ(refused.code, 500) << query;
    EXPECT_EQ(refused.message(), why) << query;
    EXPECT_FALSE(refused.body.contains("reason"));
  }
  ASSERT_EQ(Post(other, with(R"({"name": "n"})")).code, 201);
  const Answer merged = Merge(other + "/a", R"({"spec": {"inner": {"k": {"metadata": "x"}}}})");
  EXPECT_EQ(merged.code, 500);
  EXPECT_EQ(merged.message(), why);
  EXPECT_EQ(Get(path_ + "/a").body["spec"]["inner"]["k"]["metadata"]["name"], "n");
}

// An apply is not decoded as a body is: it is validation that finds what no metadata is.
TEST_F(CustomResources, AnAppliedResourceHasTheMetadataOfOne) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["inner"] = Json::parse(R"({"type": "object",
      "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true})");
  ASSERT_TRUE(schema["properties"]["spec"]["properties"]["replicas"].contains("default"));
  Json without = schema;
  without["properties"]["spec"]["properties"]["replicas"].erase("default");
  const auto apply = [&] {
    return Ask(
        "PATCH", path_ + "/a?fieldManager=m",
        Cron("a",
             {{"image", "web"},
              {"inner",
               {{"apiVersion", "v1"}, {"kind", "X"}, {"metadata", {{"creationTimestamp", "x"}}}}}}),
        "application/apply-patch+yaml");
  };
  const std::string why =
      "Cron.example.com \"a\" is invalid: spec.inner.metadata: Invalid value: "
      "{\"creationTimestamp\":\"x\"}: parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": "
      "cannot parse \"x\" as \"2006\"";
  Define(Definition(schema));
  const Answer with_defaults = apply();
  EXPECT_EQ(with_defaults.code, 422);
  EXPECT_EQ(with_defaults.message(), why);
  const Json changed = {{"spec", {{"versions", Definition(without)["spec"]["versions"]}}}};
  ASSERT_EQ(Merge(definitions_ + "/crons.example.com", changed.dump()).code, 200);
  Settle();
  const Answer refused = apply();
  EXPECT_EQ(refused.code, 422);
  EXPECT_EQ(refused.message(), why);
}

}  // namespace
}  // namespace skiff
