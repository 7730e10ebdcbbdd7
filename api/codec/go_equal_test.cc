#include "api/codec/go_equal.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(GoEqualTest, ANumberWithAFractionIsAnotherOne) {
  const auto equal = [](const char* a, const char* b) {
    return EqualInGo(Json::parse(a), Json::parse(b));
  };
  for (const char* same : {"1", "1.0", "null", "\"a\"", "[1, [2.0]]", R"({"a": {"b": [1.5]}})",
                           "9223372036854775808"}) {
    EXPECT_TRUE(equal(same, same)) << same;
  }
  EXPECT_TRUE(equal("1.0", "1e0"));
  EXPECT_TRUE(equal("0.0", "-0.0"));
  EXPECT_TRUE(equal("9223372036854775808", "9223372036854775808.0")) << "too large for an integer";
  EXPECT_TRUE(equal(R"({"a": 1, "b": 2})", R"({"b": 2, "a": 1})"));
  EXPECT_FALSE(equal("1", "1.0"));
  EXPECT_FALSE(equal("[1]", "[1.0]"));
  EXPECT_FALSE(equal(R"({"a": [{"b": 1}]})", R"({"a": [{"b": 1.0}]})"));
  EXPECT_FALSE(equal(R"({"a": 1})", R"({"b": 1})"));
  EXPECT_FALSE(equal("[1]", "[1, 1]"));
  EXPECT_FALSE(equal("1", "\"1\""));
}

TEST(GoEqualTest, WhoMayLookNoFurtherIsToldThatTheyDiffer) {
  static size_t looks, bytes, looks_max;
  const auto equal = [](const char* a, const char* b) {
    looks = bytes = 0;
    return EqualInGo(Json::parse(a), Json::parse(b), [](size_t more, size_t text_bytes) {
      looks += more;
      bytes += text_bytes;
      return looks <= looks_max;
    });
  };
  looks_max = 100;
  EXPECT_TRUE(equal(R"({"a": [1, "text"]})", R"({"a": [1, "text"]})"));
  EXPECT_EQ(looks, 6u) << "an object, its member, a list of two";
  EXPECT_EQ(bytes, 4u);
  EXPECT_FALSE(equal("\"text\"", "\"longer\""));
  EXPECT_EQ(bytes, 0u) << "their lengths tell";
  looks_max = 3;
  EXPECT_FALSE(equal(R"({"a": [1, "text"]})", R"({"a": [1, "text"]})"));
}

}  // namespace
}  // namespace skiff
