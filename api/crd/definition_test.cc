// Definitions as wholes; what their schemas may say is in rules_test.cc.
#include "api/crd/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/codec/typed.h"

namespace skiff::crd {
namespace {

using ::testing::ElementsAre;

CustomResourceDefinition WithSchema(const char* schema) {
  const Json document = {
      {"spec", {{"versions", {{{"name", "v1"},
                               {"schema", {{"openAPIV3Schema", Json::parse(schema)}}}}}}}}};
  return *FromJson<CustomResourceDefinition>(document);
}

std::vector<std::string> WarningsOf(const CustomResourceDefinition& definition,
                                    const CustomResourceDefinition* old = nullptr) {
  std::vector<std::string> out;
  WarnOfFormats(definition, old, out);
  return out;
}

TEST(DefinitionTest, FormatsThatNobodyChecksAreWarnedOfWhereverASchemaStands) {
  EXPECT_THAT(WarningsOf(WithSchema(R"j({"type": "object", "properties": {
                  "default": {"type": "string", "format": "a"},
                  "list": {"items": {"type": "string", "format": "b"}},
                  "map": {"additionalProperties": {"type": "string", "format": "c"}},
                  "any": {"anyOf": [{"type": "string", "format": "d"}],
                          "not": {"type": "string", "format": "e"}},
                  "fine": {"type": "string", "format": "date-time"},
                  "number": {"type": "integer", "format": "f"}}})j")),
              ElementsAre("unrecognized format \"a\"", "unrecognized format \"b\"",
                          "unrecognized format \"c\"", "unrecognized format \"d\"",
                          "unrecognized format \"e\""));
}

TEST(DefinitionTest, ValuesThatLookLikeSchemasAreNoSchemas) {
  EXPECT_THAT(WarningsOf(WithSchema(R"j({"type": "object", "properties": {"a": {
                  "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                  "default": {"type": "string", "format": "weird"},
                  "example": {"properties": {"b": {"type": "string", "format": "weird"}}},
                  "enum": [{"type": "string", "format": "weird"}]}}})j")),
              ElementsAre());
}

TEST(DefinitionTest, AFormatThatWasThereIsNotWarnedOfAgain) {
  const auto old = WithSchema(R"j({"type": "string", "format": "weird"})j");
  const auto next = WithSchema(R"j({"properties": {"a": {"type": "string", "format": "weird"},
                                                   "b": {"type": "string", "format": "odd"}}})j");
  EXPECT_THAT(WarningsOf(next, &old), ElementsAre("unrecognized format \"odd\""));
}

}  // namespace
}  // namespace skiff::crd
