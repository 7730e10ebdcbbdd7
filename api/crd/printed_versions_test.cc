// As kube-apiserver v1.35 was seen to print them.
#include "api/crd/printed_versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/typed.h"
#include "api/values.h"
#include "base/allocated_bytes.h"

namespace skiff::crd {
namespace {

using apiextensions_v1::CustomResourceDefinition;
using testing::HasSubstr;

constexpr Places kApart = {
    .schema = false, .subresources = false, .columns = false, .fields = false};

std::string Text(Json versions, const Places& places = kApart) {
  const Json document = {{"spec", {{"versions", std::move(versions)}}}};
  const auto definition = FromJson<CustomResourceDefinition>(document);
  EXPECT_TRUE(definition);
  return PrintedVersions(definition->spec.versions, places, false);
}

std::string OfSchema(const char* schema) {
  return Text({{{"name", "v1"}, {"schema", {{"openAPIV3Schema", Json::parse(schema)}}}}});
}

TEST(PrintedVersions, EveryFieldIsThere) {
  EXPECT_EQ(
      OfSchema(R"({"type": "object", "description": "a < b"})"),
      R"([{"Name":"v1","Served":false,"Storage":false,"Deprecated":false,)"
      R"("DeprecationWarning":null,"Schema":{"OpenAPIV3Schema":{"ID":"","Schema":"","Ref":null,)"
      R"("Description":"a \u003c b","Type":"object","Nullable":false,"Format":"","Title":"",)"
      R"("Default":null,"Maximum":null,"ExclusiveMaximum":false,"Minimum":null,)"
      R"("ExclusiveMinimum":false,"MaxLength":null,"MinLength":null,"Pattern":"",)"
      R"("MaxItems":null,"MinItems":null,"UniqueItems":false,"MultipleOf":null,"Enum":null,)"
      R"("MaxProperties":null,"MinProperties":null,"Required":null,"Items":null,"AllOf":null,)"
      R"("OneOf":null,"AnyOf":null,"Not":null,"Properties":null,"AdditionalProperties":null,)"
      R"("PatternProperties":null,"Dependencies":null,"AdditionalItems":null,)"
      R"("Definitions":null,"ExternalDocs":null,"Example":null,"XPreserveUnknownFields":null,)"
      R"("XEmbeddedResource":false,"XIntOrString":false,"XListMapKeys":null,"XListType":null,)"
      R"("XMapType":null,"XValidations":null}},"Subresources":null,)"
      R"("AdditionalPrinterColumns":null,"SelectableFields":null}])");
}

TEST(PrintedVersions, SchemasStandInsideOfSchemas) {
  const std::string list = OfSchema(
      R"({"type": "array", "items": {"type": "integer", "maximum": 5.5}, "maxItems": 3,
          "x-kubernetes-list-type": "set"})");
  EXPECT_THAT(list, HasSubstr(R"("Items":{"Schema":{"ID":"",)"));
  EXPECT_THAT(list, HasSubstr(R"("Maximum":5.5,)"));
  EXPECT_THAT(list, HasSubstr(R"("XValidations":null},"JSONSchemas":null},"AllOf":null)"));
  EXPECT_THAT(list, HasSubstr(R"("MaxItems":3,)"));
  EXPECT_THAT(list, HasSubstr(R"("XListType":"set")"));
  const std::string object = OfSchema(
      R"({"type": "object", "required": ["a"], "properties": {"a": {"enum": ["x"]}},
          "additionalProperties": true, "not": {"required": ["z"]}, "anyOf": [{}, {}],
          "externalDocs": {"url": "u"}, "x-kubernetes-validations": [
              {"rule": "self == 'x'", "message": "m", "optionalOldSelf": true}]})");
  EXPECT_THAT(object, HasSubstr(R"("Properties":{"a":{"ID":"",)"));
  EXPECT_THAT(object, HasSubstr(R"("AdditionalProperties":{"Allows":true,"Schema":null})"));
  EXPECT_THAT(object, HasSubstr(R"("AnyOf":[{"ID":"",)"));
  EXPECT_THAT(object, HasSubstr(R"("Not":{"ID":"",)"));
  EXPECT_THAT(object, HasSubstr(R"("ExternalDocs":{"Description":"","URL":"u"})"));
  EXPECT_THAT(object, HasSubstr(R"("XValidations":[{"Rule":"self == 'x'","Message":"m",)"
                                R"("MessageExpression":"","Reason":null,"FieldPath":"",)"
                                R"("OptionalOldSelf":true}])"));
  EXPECT_THAT(OfSchema(R"({"additionalProperties": {"type": "string"}})"),
              HasSubstr(R"("AdditionalProperties":{"Allows":true,"Schema":{"ID":"",)"));
}

TEST(PrintedVersions, WhatIsOfAllIsLeftOut) {
  const Json version = Json::parse(R"({"name": "v1", "served": true,
      "schema": {"openAPIV3Schema": {"type": "object"}},
      "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.a",
                                               "statusReplicasPath": ".status.a"}},
      "additionalPrinterColumns": [{"name": "n", "type": "string", "jsonPath": ".a"}],
      "selectableFields": [{"jsonPath": ".spec.a"}]})");
  const std::string apart = Text(Json::array({version}));
  EXPECT_THAT(apart, HasSubstr(R"("Subresources":{"Status":{},"Scale":{"SpecReplicasPath":)"
                               R"(".spec.a","StatusReplicasPath":".status.a",)"
                               R"("LabelSelectorPath":null}},"AdditionalPrinterColumns":[)"
                               R"({"Name":"n","Type":"string","Format":"","Description":"",)"
                               R"("Priority":0,"JSONPath":".a"}],"SelectableFields":[)"
                               R"({"JSONPath":".spec.a"}]})"));
  const std::string same = R"([{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,)"
                           R"("DeprecationWarning":null,"Schema":null,"Subresources":null,)"
                           R"("AdditionalPrinterColumns":null,"SelectableFields":null}])";
  EXPECT_EQ(Text(Json::array({version}), {}), same);
  EXPECT_EQ(Text(Json::array()), "null");
}

// A schema of a megabyte would be a hundred of them.
TEST(PrintedVersions, SchemasThatAreTooLongAreLeftOut) {
  Json properties = Json::object();
  for (int i = 0; i < 1000; ++i) properties["p" + std::to_string(i)] = Json::object();
  const Json schema = {{"type", "object"}, {"properties", properties}};
  const std::string text = Text({{{"name", "v1"}, {"schema", {{"openAPIV3Schema", schema}}}}});
  EXPECT_THAT(text, HasSubstr(R"("Schema":null,"Subresources":null)"));
  EXPECT_LT(text.size(), 1000u);
}

// Else a schema of three megabytes in six hundred others would take gigabytes.
TEST(PrintedVersions, AreNotCopiedHoweverDeepTheyAre) {
  constexpr int kDepth = 100;
  Json schema = {{"enum", std::vector<int>(20'000, 1)}};
  for (int i = 0; i < kDepth; ++i) schema = Json{{"not", std::move(schema)}};
  const Json document = {
      {"spec", {{"versions", {{{"name", "v1"}, {"schema", {{"openAPIV3Schema", schema}}}}}}}}};
  const auto definition = FromJson<CustomResourceDefinition>(document);
  ASSERT_TRUE(definition);
  const auto before = AllocatedByThread();
  if (!before) GTEST_SKIP() << "nobody counts what is allocated";
  const std::string text = PrintedVersions(definition->spec.versions, kApart, false);
  EXPECT_LT(*AllocatedByThread() - *before, 8u << 20);
  EXPECT_THAT(text, HasSubstr(R"("Not":{"ID":"",)"));
  EXPECT_THAT(text, HasSubstr(R"("Enum":[1,1,)"));
}

}  // namespace
}  // namespace skiff::crd
