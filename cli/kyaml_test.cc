#include "cli/kyaml.h"

#include <gtest/gtest.h>

namespace skiff::cli {
namespace {

TEST(KyamlTest, StructuresShareTheBracketsOfTheirList) {
  EXPECT_EQ(DumpKyaml({{"a", Json::array({Json{{"b", 1}}, Json::object()})},
                       {"c", {1, "two"}},
                       {"d", nullptr},
                       {"e", Json::array()}}),
            "---\n{\n  a: [{\n    b: 1,\n  }, {}],\n  c: [\n    1,\n    \"two\",\n  ],\n"
            "  d: null,\n  e: [],\n}\n");
}

TEST(KyamlTest, KeysAreQuotedWhereSomeParserWouldMistakeThem) {
  for (const char* key : {"f", "y", "No", "NULL", "12", "1_0", "1e3", "0x1F", "0b11", "inf",
                          "2026-01-31", "a b", "-a", "a.", "a:b", ""}) {
    EXPECT_EQ(DumpKyaml({{key, 1}}), "---\n{\n  \"" + std::string(key) + "\": 1,\n}\n");
  }
  for (const char* key : {"foo", "a-b", "app.kubernetes.io/name", "_x", "x1", "\xc3\xa4"}) {
    EXPECT_EQ(DumpKyaml({{key, 1}}), "---\n{\n  " + std::string(key) + ": 1,\n}\n");
  }
}

TEST(KyamlTest, ATextOfLinesHasALineForEach) {
  EXPECT_EQ(DumpKyaml({{"a", "one\n  two\n\nthree\n"}}),
            "---\n{\n  a: \"\\\n     one\\n\\\n    \\  two\\n\\\n     \\n\\\n"
            "     three\\n\\\n    \",\n}\n");
  EXPECT_EQ(DumpKyaml({{"a", "one\ntwo"}}),
            "---\n{\n  a: \"\\\n     one\\n\\\n     two\\\n    \",\n}\n");
  EXPECT_EQ(DumpKyaml("tab\t \"q\" \\ \x01 \xc2\xa0"),
            "---\n\"tab\t \\\"q\\\" \\\\ \\x01 \\_\"\n");
}

TEST(KyamlTest, NumbersAreThoseOfJson) {
  EXPECT_EQ(DumpKyaml({1.5e-7, 1234567.5}), "---\n[\n  1.5e-7,\n  1234567.5,\n]\n");
}

}  // namespace
}  // namespace skiff::cli
