// What updates of definitions may leave wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/crd/definition.h"

namespace skiff::crd {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// What an update of a lamp's definition is refused for.
std::string WrongUpdate(const Json& now, const Json& old) {
  const auto definition = [](const Json& parts) {
    Json document = {
        {"metadata", {{"name", "lamps.example.com"}}},
        {"spec",
         {{"group", "example.com"},
          {"scope", "Namespaced"},
          {"names",
           {{"plural", "lamps"}, {"singular", "lamp"}, {"kind", "Lamp"}, {"listKind", "LampList"}}},
          {"versions",
           {{{"name", "v1"},
             {"served", true},
             {"storage", true},
             {"schema", {{"openAPIV3Schema", {{"type", "object"}}}}}}}}}},
        {"status", {{"storedVersions", {"v1"}}}}};
    document.merge_patch(parts);
    return *FromJson<CustomResourceDefinition>(document);
  };
  Violations out;
  ValidateDefinitionUpdate(definition(now), definition(old), out);
  return out.empty() ? "" : out.Text();
}

// Of the parts of a definition with that schema.
Json UpdateParts(const char* schema, const Json& spec = Json::object()) {
  const Json version = {{"name", "v1"}, {"served", true}, {"storage", true}};
  Json parts = {{"spec", {{"versions", Json::array({version})}}}};
  if (schema != nullptr) {
    parts["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = Json::parse(schema);
  }
  parts["spec"].update(spec);
  return parts;
}

TEST(DefinitionUpdateTest, WhatWasWrongInASchemaMayStaySoAndNothingElseMay) {
  const Json other = {{"scope", "Elsewhere"}};
  const auto stays = [&](const char* schema, const Json& spec = Json::object()) {
    Json wrong = spec;
    wrong.update(other);
    EXPECT_EQ(WrongUpdate(UpdateParts(schema, spec), UpdateParts(schema, spec)), "");
    EXPECT_EQ(WrongUpdate(UpdateParts(schema, wrong), UpdateParts(schema, spec)),
              "spec.scope: Unsupported value: \"Elsewhere\": supported values: \"Cluster\", "
              "\"Namespaced\"");
  };
  constexpr const char* kSet = R"({"type": "object", "properties": {"l": {"type": "array",
      "x-kubernetes-list-type": "set", "items": {"type": "object"}}}})";
  constexpr const char* kMap = R"({"type": "object", "properties": {"l": {"type": "array",
      "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"], "items": {
          "type": "object", "properties": {"a": {"type": "string"}}}}}})";
  constexpr const char* kUnpruned = R"({"type": "object", "properties": {"s": {"type": "object",
      "properties": {"a": {"type": "string"}}, "default": {"b": "c"}}}})";
  constexpr const char* kShapeless = R"({"properties": {"a": {}}})";
  for (const char* schema : {kSet, kMap, kUnpruned}) stays(schema);
  const Json preserving = {{"preserveUnknownFields", true}};
  stays(kShapeless, preserving);
  stays(R"({"properties": {"a": {"type": "any"}}})", preserving);
  stays(nullptr, preserving);
  EXPECT_THAT(WrongUpdate(UpdateParts(kMap), UpdateParts(kSet)),
              HasSubstr("so it must have a default"))
      << "one fault is not another";
  EXPECT_THAT(WrongUpdate(UpdateParts(kShapeless), UpdateParts(kShapeless, preserving)),
              HasSubstr("must not be empty at the root"))
      << "what is pruned needs a structure";
  EXPECT_EQ(WrongUpdate(UpdateParts(nullptr), UpdateParts(nullptr)),
            "spec.versions[0].schema.openAPIV3Schema: Required value: because otherwise all fields "
            "are pruned");
}

TEST(DefinitionUpdateTest, FieldsToSelectByMayBeTooManyAsLongAsTheyStay) {
  Json schema = {{"type", "object"}}, fields = Json::array();
  for (const char c : std::string_view("abcdefghi")) {
    schema["properties"][std::string(1, c)] = {{"type", "string"}};
    fields.push_back({{"jsonPath", std::string(".") + c}});
  }
  const auto with = [&](const Json& selectable, const char* scope) {
    Json parts = UpdateParts(schema.dump().c_str(), {{"scope", scope}});
    parts["spec"]["versions"][0]["selectableFields"] = selectable;
    return parts;
  };
  const Json old = with(fields, "Namespaced");
  EXPECT_EQ(WrongUpdate(with(fields, "Cluster"), old), "");
  std::swap(fields[0], fields[1]);
  EXPECT_EQ(WrongUpdate(with(fields, "Namespaced"), old),
            "spec.selectableFields: Too many: 9: must have at most 8 items");
}

TEST(DefinitionUpdateTest, ReviewsOfUnknownVersionsMayStayUnknown) {
  const auto with = [](const char* version, const char* url) {
    Json parts = Json::parse(R"j({"spec": {"conversion": {"strategy": "Webhook"}}})j");
    parts["spec"]["conversion"]["webhook"] = {{"conversionReviewVersions", Json::array({version})},
                                              {"clientConfig", {{"url", url}}}};
    return parts;
  };
  constexpr const char* kUrl = "https://example.com/";
  EXPECT_EQ(WrongUpdate(with("v4", kUrl), with("v3", kUrl)), "");
  EXPECT_THAT(WrongUpdate(with("v3", "http://example.com/"), with("v3", kUrl)), HasSubstr("url"));
  EXPECT_THAT(WrongUpdate(with("v3", kUrl), with("v1", kUrl)),
              HasSubstr("must include at least one of v1, v1beta1"));
}

TEST(DefinitionUpdateTest, ALargePatternThatIsThereStays) {
  constexpr const char* kLarge = R"({"type": "object", "properties": {"a": {"type": "string",
      "pattern": ".{0,1000}.{0,1000}.{0,1000}.{0,1000}.{0,1000}"}}})";
  EXPECT_EQ(WrongUpdate(UpdateParts(kLarge), UpdateParts(kLarge)), "");
  EXPECT_THAT(WrongUpdate(UpdateParts(kLarge), UpdateParts(R"({"type": "object"})")),
              HasSubstr("must not be larger than 32768"));
}

TEST(DefinitionUpdateTest, ABundleThatWasRightStaysSoOnceItIsEstablished) {
  const auto with = [](const char* bundle, bool is_established) {
    Json parts = Json::parse(R"j({"spec": {"conversion": {"strategy": "Webhook", "webhook": {
        "conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://example.com/"}}}}})j");
    parts["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"] = bundle;
    if (is_established) {
      parts["status"]["conditions"] = {{{"type", "Established"}, {"status", "True"}}};
    }
    return parts;
  };
  constexpr const char* kNone = "";
  constexpr const char* kFaulty = "Cg==";
  EXPECT_EQ(WrongUpdate(with(kFaulty, false), with(kNone, false)), "") << "it is to be put right";
  EXPECT_EQ(WrongUpdate(with(kFaulty, true), with(kNone, true)),
            "spec.conversion.webhookClientConfig.caBundle: Invalid value: \"Cg==\": unable to load "
            "root certificates: unable to parse bytes as PEM block");
  EXPECT_EQ(WrongUpdate(with("Cgo=", true), with(kFaulty, true)), "") << "it was wrong before";
  EXPECT_EQ(WrongUpdate(with(kNone, true), with(kFaulty, true)), "");
}

TEST(DefinitionUpdateTest, AnApprovalThatChangesIsJudged) {
  const auto with = [](const Json& approval) {
    return Json{
        {"metadata",
         {{"name", "lamps.k8s.io"}, {"annotations", {{"api-approved.kubernetes.io", approval}}}}},
        {"spec", {{"group", "lights.k8s.io"}}}};
  };
  EXPECT_EQ(WrongUpdate(with(nullptr), with(nullptr)), "");
  EXPECT_EQ(WrongUpdate(with("well"), with("good")), "");
  EXPECT_EQ(WrongUpdate(with("unapproved, as yet"), with(nullptr)), "");
  const std::string at = "metadata.annotations[api-approved.kubernetes.io]: ";
  EXPECT_THAT(WrongUpdate(with("well"), with(nullptr)),
              StartsWith(at + "Invalid value: \"well\": "));
  EXPECT_THAT(WrongUpdate(with(nullptr), with("well")), StartsWith(at + "Required value: "));
}

}  // namespace
}  // namespace skiff::crd
