// What an enum lists, as kube-openapi's validator compares it: reflect.DeepEqual, and once more
// after Go's conversion to the type of what is listed.
#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/crd/validate.h"

namespace skiff::crd {
namespace {

bool Lists(const char* listed, const char* value) {
  const SchemaPtr schema = ReadSchema({{"x-kubernetes-preserve-unknown-fields", true},
                                       {"enum", Json::array({Json::parse(listed)})}});
  Violations out;
  ValidateValue(*schema, Json::parse(value), nullptr, out);
  return out.empty();
}

TEST(EnumTest, WhatIsWithinAnObjectOrAListIsNotConverted) {
  EXPECT_TRUE(Lists(R"({"a": 1})", R"({"a": 1})"));
  EXPECT_FALSE(Lists(R"({"a": 1})", R"({"a": 1.0})"));
  EXPECT_FALSE(Lists(R"({"a": 0})", R"({"a": -0.0})"));
  EXPECT_FALSE(Lists(R"({"b": [1, {"c": 2}]})", R"({"b": [1, {"c": 2e0}]})"));
  EXPECT_TRUE(Lists(R"({"f": 1.5})", R"({"f": 15e-1})"));
  EXPECT_TRUE(Lists("[1, 7]", "[1, 7]"));
  EXPECT_FALSE(Lists("[1, 7]", "[1.0, 7]"));
}

TEST(EnumTest, ANumberIsConvertedToWhatIsListed) {
  EXPECT_TRUE(Lists("1", "1.0"));
  EXPECT_TRUE(Lists("1", "1.7"));
  EXPECT_FALSE(Lists("1", "2.0"));
  EXPECT_FALSE(Lists("2.5", "2"));
  EXPECT_TRUE(Lists("9223372036854775808", "9223372036854775807")) << "which a float64 rounds";
}

TEST(EnumTest, AWholeNumberIsConvertedToItsCharacter) {
  EXPECT_TRUE(Lists("\"1\"", "49"));
  EXPECT_FALSE(Lists("\"1\"", "1"));
  EXPECT_FALSE(Lists("\"1\"", "49.0"));
  EXPECT_TRUE(Lists("\"\u00fc\"", "252"));
  EXPECT_TRUE(Lists("\"\\ufffd\"", "-1"));
  EXPECT_TRUE(Lists("\"\\ufffd\"", "55296")) << "a surrogate";
}

}  // namespace
}  // namespace skiff::crd
