#include "api/openapi/texts.h"

#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/openapi/openapi_v2.h"
#include "api/openapi/openapi_v3.h"
#include "api/registry.h"

namespace skiff {
namespace {

std::string_view TextOfField(const Type& type, std::string_view name) {
  const Field* field = type.Find(name);
  return field == nullptr ? "" : TextOf(type, *field);
}

TEST(TextsTest, EachTypeAndFieldHasItsOwn) {
  for (const Type* type : BuiltInTypes()) {
    if (type->shape != Shape::kStruct) {
      EXPECT_EQ(TextOf(*type), "") << type->name;
      continue;
    }
    EXPECT_NE(TextOf(*type), "") << type->name;
    for (const Field& field : type->fields) {
      EXPECT_NE(TextOf(*type, field), "") << type->name << "." << field.name;
    }
  }
  EXPECT_TRUE(TextOf(core_v1::Volume::Describe()).starts_with("A directory or device of a pod"));
  EXPECT_TRUE(TextOfField(apps_v1::DeploymentSpec::Describe(), "paused").starts_with("True: "));
}

TEST(TextsTest, AnInlinedFieldHasThatOfWhereItComesFrom) {
  const std::string_view text = TextOfField(core_v1::Volume::Describe(), "hostPath");
  EXPECT_EQ(text, TextOfField(core_v1::VolumeSource::Describe(), "hostPath"));
  EXPECT_NE(text, "");
}

TEST(TextsTest, WhatIsNotOfTheSchemaHasNone) {
  static constexpr Field kFields[] = {{.name = "x"}};
  constexpr Type kType = {.shape = Shape::kStruct, .name = "Own", .fields = kFields};
  EXPECT_EQ(TextOf(kType), "");
  EXPECT_EQ(TextOf(kType, kFields[0]), "");
}

// Whatever `schemas` has and its properties but for a few that are one value, as Quantity is.
void ExpectDescribed(const Json& schemas) {
  EXPECT_GT(schemas.size(), 100u);
  for (const auto& [name, schema] : schemas.items()) {
    if (!schema.contains("properties")) continue;
    EXPECT_TRUE(schema.contains("description") || name.ends_with("List")) << name;
    for (const auto& [field, property] : schema["properties"].items()) {
      EXPECT_TRUE(property.contains("description")) << name << "." << field;
    }
  }
}

TEST(TextsTest, BothDocumentsSayThem) {
  const auto v3 = OpenApiV3Document(BuiltInKinds(), "api/v1");
  ASSERT_TRUE(v3);
  ExpectDescribed(Json::parse(*v3)["components"]["schemas"]);
  ExpectDescribed(Json::parse(OpenApiV2Document(BuiltInKinds()))["definitions"]);
}

}  // namespace
}  // namespace skiff
