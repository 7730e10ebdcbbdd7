#include "api/crd/validate.h"

#include <gtest/gtest.h>

#include <string>

namespace skiff::crd {
namespace {

// What is wrong with a value, "field: message; ...".
std::string WrongWith(const char* value, const char* schema) {
  Violations out;
  ValidateValue(*ReadSchema(Json::parse(schema)), Json::parse(value), nullptr, out);
  std::string text;
  for (const Cause& cause : out.causes()) {
    text += (text.empty() ? "" : "; ") + cause.field + ": " + cause.message;
  }
  return text;
}

// As kube-apiserver, which lets a definition have them.
TEST(ValidateTest, NegativeLimitsHoldForNothingAndAreNotTold) {
  const std::string wrong = WrongWith(R"({"t": "", "l": [], "m": {}})", R"({"properties": {
      "t": {"type": "string", "maxLength": -1},
      "l": {"type": "array", "maxItems": -2, "items": {"type": "string"}},
      "m": {"type": "object", "maxProperties": -9223372036854775808}}})");
  EXPECT_EQ(wrong,
            "l: Too many: 0: has too many items; m: Too many: 0: has too many items; "
            "t: Too long: value is too long");
}

TEST(ValidateTest, NegativeLeastsHoldForEverything) {
  EXPECT_EQ(WrongWith(R"({"t": "", "l": [], "m": {}})", R"({"properties": {
      "t": {"type": "string", "minLength": -9223372036854775808},
      "l": {"type": "array", "minItems": -1, "items": {"type": "string"}},
      "m": {"type": "object", "minProperties": -1}}})"),
            "");
}

TEST(ValidateTest, OfAnObjectOfTooFewOrTooManyPropertiesNothingElseIsTold) {
  const char* kSchema = R"({"type": "object", "minProperties": 2, "maxProperties": 1,
      "required": ["b"], "properties": {"a": {"type": "string"}}})";
  EXPECT_EQ(WrongWith(R"({"a": 1})", kSchema),
            "<nil>: Invalid value: 1:  in body should have at least 2 properties");
  EXPECT_EQ(WrongWith(R"({"a": 1, "c": 1})", kSchema),
            "<nil>: Too many: 2: must have at most 1 item");
}

}  // namespace
}  // namespace skiff::crd
