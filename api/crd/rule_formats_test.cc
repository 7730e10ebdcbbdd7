// What rules make of texts that have a format.
#include <gtest/gtest.h>

#include "api/crd/validate_rules.h"

namespace skiff::crd {
namespace {

// Of a schema whose `t` is such a text with such rules; "": nothing is wrong.
std::string WrongText(Json schema_of_text, Json rules, const char* text) {
  schema_of_text[kRules] = std::move(rules);
  const Json schema = {{"type", "object"}, {"properties", {{"t", std::move(schema_of_text)}}}};
  RuleCompiler compiler(schema);
  const RuleNodePtr tree = MakeRuleTree(schema, compiler);
  if (tree == nullptr) return "no rules";
  Violations out;
  RuleRun(out, nullptr).Validate(*tree, {{"t", text}}, nullptr, FieldPath());
  return out.empty() ? "" : out.Text();
}

// The format takes the one alphabet, and rules read the other.
TEST(RuleFormatsTest, BytesAreReadByTheAlphabetForUrls) {
  const Json bytes = {{"type", "string"}, {"format", "byte"}};
  const Json rules = Json::array({{{"rule", "self.size() == 1"}}});
  EXPECT_EQ(WrongText(bytes, rules, "_w=="), "");
  EXPECT_EQ(
      WrongText(bytes, rules, "_w=_"),
      "t: Invalid value: \"string\": Invalid byte formatted string _w=_: illegal base64 data at "
      "input byte 2 evaluating rule: self.size() == 1");
  EXPECT_EQ(
      WrongText(bytes, rules, "/w=="),
      "t: Invalid value: \"string\": Invalid byte formatted string /w==: illegal base64 data at "
      "input byte 0 evaluating rule: self.size() == 1");
}

TEST(RuleFormatsTest, WhatIsNoDateIsToldAsGoTellsIt) {
  const auto told = [](const char* format, const char* text) {
    const std::string wrong = WrongText({{"type", "string"}, {"format", format}},
                                        Json::array({{{"rule", "self == self"}}}), text);
    const size_t begin = wrong.find("Invalid date"), end = wrong.find(" evaluating rule");
    return begin == wrong.npos ? wrong : wrong.substr(begin, end - begin);
  };
  EXPECT_EQ(told("date", "2024-02-29"), "");
  EXPECT_EQ(
      told("date", "2024-02-30"),
      "Invalid date formatted string 2024-02-30: parsing time \"2024-02-30\": day out of range");
  EXPECT_EQ(
      told("date", "may"),
      "Invalid date formatted string may: parsing time \"may\" as \"2006-01-02\": cannot parse "
      "\"may\" as \"2006\"");
  EXPECT_EQ(told("date", "2024-02-29T"),
            "Invalid date formatted string 2024-02-29T: parsing time \"2024-02-29T\": extra text: "
            "\"T\"");
  EXPECT_EQ(told("date-time", "2024-02-29T01:02:03.5"), "");
  EXPECT_EQ(told("date-time", "2024-02-29T01:02:03+25:00"),
            "Invalid date-time formatted string 2024-02-29T01:02:03+25:00: parsing time "
            "\"2024-02-29T01:02:03+25:00\": extra text: \"+25:00\"");
  EXPECT_EQ(told("date-time", "2024-02-29"),
            "Invalid date-time formatted string 2024-02-29: parsing time \"2024-02-29\" as "
            "\"2006-01-02T15:04:05\": cannot parse \"\" as \"T\"");
}

TEST(RuleFormatsTest, NamedFormatsAreThoseOfSchemas) {
  const auto lacks = [&](const char* text) {
    std::string out;
    for (const char* format : {"byte", "date", "datetime"}) {
      const std::string rule = std::string("!format.") + format + "().validate(self).hasValue()";
      const Json rules = Json::array({{{"rule", rule}}});
      const std::string wrong = WrongText({{"type", "string"}, {"maxLength", 100}}, rules, text);
      if (wrong.find("failed rule") != std::string::npos) out += std::string(format) + " ";
    }
    return out;
  };
  EXPECT_EQ(lacks("/w=="), "date datetime ");
  EXPECT_EQ(lacks(""), "byte date datetime ");
  EXPECT_EQ(lacks("YWJj\n"), "byte date datetime ");
  EXPECT_EQ(lacks("2024-02-29"), "byte datetime ");
  EXPECT_EQ(lacks("2024-02-29t00:00:00z"), "byte date ");
  EXPECT_EQ(lacks("2024-02-29T00:00:00+99:99"), "byte date ");
  EXPECT_EQ(lacks("2024-02-29T00:00:60Z"), "byte date datetime ");
}

}  // namespace
}  // namespace skiff::crd
