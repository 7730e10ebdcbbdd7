#include "api/crd/publish.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "api/crd/test_kinds.h"

namespace skiff::crd {
namespace {

// As OpenAPI v2 shows the schema of a kind.
Json PublishedV2(const Json& schema) {
  const Json versions = {{{"name", "v1"},
                          {"served", true},
                          {"storage", true},
                          {"schema", {{"openAPIV3Schema", schema}}}}};
  const RuntimeKinds made = ThingsOf(versions);
  return made.empty() ? Json() : PublishedSchema(*made[0], true, {{{"$ref", "#/meta"}}});
}

TEST(PublishTest, WhatMayBeNullIsNotRequiredInVersionTwo) {
  const Json schema = Json::parse(R"({"type": "object", "required": ["c", "b", "a"],
      "properties": {"a": {"type": "string", "nullable": true}, "b": {"type": "string"},
                     "c": {"type": "string", "nullable": true}}})");
  EXPECT_EQ(PublishedV2(schema)["required"], Json::array({"b"}));
}

// Their order is the worst for who looks for each of them in the list: minutes.
TEST(PublishTest, ManyRequiredPropertiesThatMayBeNullTakeNoLongerForThat) {
  constexpr int kMany = 50000;
  Json properties = Json::object(), required = Json::array();
  for (int i = 0; i < kMany; ++i) {
    properties["p" + std::to_string(i)] = {{"type", "string"}, {"nullable", true}};
  }
  for (const auto& [name, property] : properties.items()) required.push_back(name);
  std::reverse(required.begin(), required.end());
  properties["kept"] = {{"type", "string"}};
  required.push_back("kept");
  const std::clock_t begin = std::clock();
  const Json published =
      PublishedV2({{"type", "object"}, {"properties", properties}, {"required", required}});
  EXPECT_LT(std::clock() - begin, 15 * CLOCKS_PER_SEC);
  EXPECT_EQ(published["required"], Json::array({"kept"}));
}

}  // namespace
}  // namespace skiff::crd
