// Custom resources that are applied, over the real server.
#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

TEST_F(CustomResources, ToApplyAScaleMeetsWhoeverOwnsTheReplicas) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}, {"replicas", 2}})).code, 201);
  const auto apply = [&](const std::string& query) {
    return Ask("PATCH", path_ + "/a/scale?fieldManager=m" + query,
               R"({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"},
                   "spec": {"replicas": 7}})",
               "application/apply-patch+yaml");
  };
  const std::string end =
      "autoscaling/v1, Kind=Scale) to proper version: request to convert CR to an invalid "
      "group/version: autoscaling/v1";
  EXPECT_EQ(apply("").code, 409);
  EXPECT_EQ(apply("&force=true").message(), "failed to convert new object (/a; " + end);
  ASSERT_EQ(Merge(path_ + "/a/scale", R"({"spec": {"replicas": 5}})").code, 200);
  EXPECT_EQ(apply("").code, 409);
  EXPECT_EQ(apply("&force=true").message(), "failed to convert new object (/a; " + end);
  // Nobody owns a number that a Scale set to zero.
  ASSERT_EQ(Merge(path_ + "/a/scale", R"({"spec": {"replicas": 0}})").code, 200);
  for (const char* query : {"", "&force=true"}) {
    EXPECT_EQ(apply(query).message(),
              "failed to create manager for existing fields: failed to convert live object (/; " +
                  end);
  }
}

TEST_F(CustomResources, ListsThatAreMapsAreAppliedByTheirKeys) {
  Define(Definition(Schema()));
  const auto apply = [&](const char* manager, const Json& spec) {
    return Ask("PATCH", path_ + "/a?fieldManager=" + manager, Cron("a", spec),
               "application/apply-patch+yaml");
  };
  ASSERT_EQ(apply("one", {{"image", "web"}, {"ports", {{{"name", "a"}, {"port", 1}}}}}).code, 201);
  const Answer both = apply("two", {{"image", "web"}, {"ports", {{{"name", "b"}, {"port", 2}}}}});
  ASSERT_EQ(both.code, 200) << both.message();
  EXPECT_EQ(both.body["spec"]["ports"].size(), 2u);
  EXPECT_EQ(apply("two", {{"image", "web"}, {"zz", 1}}).message(),
            "failed to create typed patch object (/a; example.com/v1, Kind=Cron): .spec.zz: field "
            "not declared in schema");
}

TEST_F(CustomResources, ANullThatIsAppliedIsADefaultOrRefused) {
  Define(Definition(Schema()));
  const auto apply = [&](const Json& spec) {
    return Ask("PATCH", path_ + "/a?fieldManager=me", Cron("a", spec),
               "application/apply-patch+yaml");
  };
  const Answer refused = apply({{"image", nullptr}});
  EXPECT_EQ(refused.code, 422);
  EXPECT_EQ(refused.message(),
            "Cron.example.com \"a\" is invalid: spec.image: Invalid value: \"null\": spec.image in "
            "body must be of type string: \"null\"");
  const Answer filled = apply({{"image", "web"}, {"replicas", nullptr}});
  ASSERT_EQ(filled.code, 201) << filled.message();
  EXPECT_EQ(filled.body["spec"]["replicas"], 1);
}

TEST_F(CustomResources, WhatDoesNotFitIsOwnedByNobodyAndNotApplied) {
  Json schema = Schema();
  Json& image = schema["properties"]["spec"]["properties"]["image"];
  image = {{"type", "integer"}};
  Define(Definition(schema));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", 1}})).code, 201);
  image = {{"type", "string"}};
  ASSERT_EQ(
      Merge(definitions_ + "/crons.example.com", Json{{"spec", Definition(schema)["spec"]}}.dump())
          .code,
      200);
  Settle();
  EXPECT_TRUE(Get(path_ + "/a").body["metadata"].contains("managedFields"));
  const Answer labeled = Merge(path_ + "/a", R"({"metadata": {"labels": {"x": "y"}}})");
  ASSERT_EQ(labeled.code, 200) << labeled.message();
  EXPECT_FALSE(labeled.body["metadata"].contains("managedFields"));
  const Answer applied = Ask("PATCH", path_ + "/a?fieldManager=me", Cron("a", {{"image", "web"}}),
                             "application/apply-patch+yaml");
  EXPECT_EQ(applied.code, 500);
  EXPECT_EQ(applied.message(),
            "failed to create manager for existing fields: failed to convert new object "
            "(default/a; example.com/v1, Kind=Cron) to smd typed: .spec.image: expected string, "
            "got &value.valueUnstructured{Value:1}");
}

TEST_F(CustomResources, ToApplyAFormatIsAnyScalarAndAnEmptyObjectAnything) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["born"] = {{"type", "string"}, {"format", "date"}};
  schema["properties"]["free"] = {{"type", "object"}};
  Define(Definition(schema));
  Json cron = Json::parse(Cron("a", {{"image", "web"}, {"born", 5}}));
  const auto apply = [&] {
    return Ask("PATCH", path_ + "/a?fieldManager=me", cron.dump(), "application/apply-patch+yaml");
  };
  EXPECT_EQ(apply().message(),
            "Cron.example.com \"a\" is invalid: spec.born: Invalid value: \"int64\": spec.born in "
            "body must be of type date: \"int64\"");
  cron["spec"].erase("born");
  cron["free"] = {{"x", {{"y", 1}}}};
  const Answer made = apply();
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["free"], Json::object());
}

// What is applied is JSON before it is read, whose 1 was 1.0; what is sent as JSON is read at once.
TEST_F(CustomResources, ToApplyAWholeNumberWithAFractionIsToApplyTheWholeNumber) {
  Json schema = Schema();
  Json& fields = schema["properties"]["spec"]["properties"];
  fields["part"] = {{"type", "number"}};
  fields["count"] = {{"type", "integer"}};
  Define(Definition(schema));
  const auto apply = [&](const std::string& spec) {
    return Ask("PATCH", path_ + "/a?fieldManager=me",
               "{apiVersion: example.com/v1, kind: Cron, metadata: {name: a}, spec: {image: web, " +
                   spec + "}}",
               "application/apply-patch+yaml");
  };
  struct Case {
    const char* first;
    std::vector<const char*> same;
  };
  for (const Case& each : std::vector<Case>{{"1", {"1.0", "1", "1e0"}},
                                            {"-0.0", {"0", "-0.0"}},
                                            {"1e18", {"1e18", "1000000000000000000"}},
                                            {"9223372036854775808", {"9223372036854775808"}},
                                            {"1.5", {"1.5"}}}) {
    const Answer made = apply(std::string("part: ") + each.first);
    ASSERT_LT(made.code, 300) << made.message();
    for (const char* same : each.same) {
      EXPECT_EQ(apply(std::string("part: ") + same).body["metadata"], made.body["metadata"])
          << same << " after " << each.first;
    }
  }
  // Nor is it held against a schema that was tightened meanwhile.
  ASSERT_EQ(apply("count: 1").code, 200);
  fields["count"]["minimum"] = 1.5;
  ASSERT_EQ(
      Merge(definitions_ + "/crons.example.com", Json{{"spec", Definition(schema)["spec"]}}.dump())
          .code,
      200);
  Settle();
  EXPECT_EQ(apply("count: 1.0").code, 200);
  EXPECT_EQ(Merge(path_ + "/a", R"({"spec": {"count": 1.0}})").code, 422);
}

TEST_F(CustomResources, ANumberThatNoJsonHasIsNotApplied) {
  Define(Definition(Schema()));
  const std::string start = "apiVersion: example.com/v1\nkind: Cron\nmetadata: {name: a}\nspec: ";
  const auto refused = [&](const std::string& spec) {
    const Answer answer =
        Ask("PATCH", path_ + "/a?fieldManager=m", start + spec, "application/apply-patch+yaml");
    EXPECT_EQ(answer.code, 400);
    return answer.message();
  };
  const std::string why =
      "error decoding YAML: error converting YAML to JSON: json: unsupported "
      "value: ";
  EXPECT_EQ(refused("{image: web, replicas: .inf}"), why + "+Inf");
  EXPECT_EQ(refused("{image: -.Inf}"), why + "-Inf") << "no text";
  EXPECT_EQ(refused("{image: web, replicas: .NaN}"), why + "NaN");
}

}  // namespace
}  // namespace skiff
