#include "api/codec/json_values.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"

namespace skiff {
namespace {

size_t ValuesMade(const Json& value) {
  size_t made = 1;
  if (value.is_structured()) {
    for (const Json& below : value) made += ValuesMade(below);
  }
  return made;
}

TEST(JsonValues, AreThoseThatAReaderWouldMake) {
  for (const char* text :
       {"7", "{}", " [ ] ", "[1]", R"([1,{"a":2}])",
        R"({"a": {}, "b": [[], [ {} ], "x,[{:\",\\"]})", "[\n{\t} ,\r\n{}, null, true, -1.5e3]",
        R"({"[": "{", ",": ","})", R"(["\\",1])"}) {
    const auto made = ParseJson(text);
    ASSERT_TRUE(made) << text;
    EXPECT_EQ(JsonValuesIn(text), ValuesMade(*made)) << text;
  }
}

TEST(JsonValues, OfWhatIsNoJsonThereIsAnEnd) {
  for (const char* text : {"", "\"", "\"\\", "[", "{\"a", "[[[[", "]],,"}) {
    EXPECT_GE(JsonValuesIn(text), 1u) << text;
  }
}

}  // namespace
}  // namespace skiff
