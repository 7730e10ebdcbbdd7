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

}  // namespace
}  // namespace skiff
