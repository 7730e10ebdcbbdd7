#include "api/codec/json.h"

#include <gtest/gtest.h>

#include "api/codec/repeated_keys.h"

namespace skiff {
namespace {

std::string JsonError(std::string_view text) {
  const auto parsed = ParseJson(text);
  return parsed ? "" : parsed.error().message;
}

TEST(Json, SyntaxErrorsAreGoTexts) {
  EXPECT_EQ(JsonError("{\"metadata\":"), "unexpected end of JSON input");
  EXPECT_EQ(JsonError(""), "unexpected end of JSON input");
  EXPECT_EQ(JsonError("{} trailing"), "invalid character 't' after top-level value");
  EXPECT_EQ(JsonError("{\"a\":1,}"),
            "invalid character '}' looking for beginning of object key string");
  EXPECT_EQ(JsonError("hello"), "invalid character 'h' looking for beginning of value");
  EXPECT_EQ(JsonError("{\"a\" 1}"), "invalid character '1' after object key");
  EXPECT_EQ(JsonError("{\"a\":1 \"b\"}"), "invalid character '\"' after object key:value pair");
  EXPECT_EQ(JsonError("[1 2]"), "invalid character '2' after array element");
  EXPECT_EQ(JsonError("[1,]"), "invalid character ']' looking for beginning of value");
  EXPECT_EQ(JsonError("nul"), "unexpected end of JSON input");
  EXPECT_EQ(JsonError("nux"), "invalid character 'x' in literal null (expecting 'l')");
  EXPECT_EQ(JsonError("-x"), "invalid character 'x' in numeric literal");
  EXPECT_EQ(JsonError("1.x"), "invalid character 'x' after decimal point in numeric literal");
  EXPECT_EQ(JsonError("01"), "invalid character '1' after top-level value");
  EXPECT_EQ(JsonError("\"a\nb\""), "invalid character '\\n' in string literal");
  EXPECT_EQ(JsonError("\"\\x\""), "invalid character 'x' in string escape code");
  EXPECT_EQ(JsonError("\"\\u12g4\""), "invalid character 'g' in \\u hexadecimal character escape");
}

TEST(Json, NestingIsBounded) {
  EXPECT_EQ(JsonError(std::string(kJsonDepthMax + 1, '[')), "exceeded max depth");
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  EXPECT_TRUE(ParseJson(deep));
  JsonReader in(deep);
  in.Skip();
  in.Finish();
  EXPECT_FALSE(in.failed());
}

TEST(Json, StringsAreUnescapedAndBrokenUtf8IsReplaced) {
  EXPECT_EQ(*ParseJson("\"a\\u00e9\\ud83d\\ude00\\n\\/\""), Json("aé😀\n/"));
  EXPECT_EQ(*ParseJson("\"\\ud800x\""), Json("\xef\xbf\xbdx"));
  EXPECT_EQ(*ParseJson("\"a\xff\""), Json("a\xef\xbf\xbd"));
  EXPECT_EQ(*ParseJson("\"é\""), Json("é"));
}

TEST(Json, NumbersKeepIntegersAndPrintAsGo) {
  const auto round_trip = [](std::string_view text) { return DumpJson(*ParseJson(text)); };
  EXPECT_EQ(round_trip("9007199254740993"), "9007199254740993");
  EXPECT_EQ(round_trip("1.0"), "1");
  EXPECT_EQ(round_trip("1.5e10"), "15000000000");
  EXPECT_EQ(round_trip("1e-7"), "1e-7");
  EXPECT_EQ(round_trip("1e21"), "1e+21");
  EXPECT_EQ(round_trip("-0.25"), "-0.25");
  EXPECT_EQ(round_trip("9223372036854775808"), "9223372036854776000");
  EXPECT_EQ(round_trip("-123456789012345678901"), "-123456789012345680000");
  EXPECT_EQ(round_trip("9007199254740992.0"), "9007199254740992");
  EXPECT_EQ(round_trip("1e20"), "100000000000000000000");
  EXPECT_EQ(round_trip("1.5e300"), "1.5e+300");
  EXPECT_EQ(round_trip("-0.0"), "-0");
  // Too small is nothing; too large is no number any more.
  EXPECT_EQ(round_trip("1e-999"), "0");
  EXPECT_EQ(round_trip("1e999"), "null");
}

TEST(Json, LaterDuplicatesWin) {
  EXPECT_EQ(DumpJson(*ParseJson("{\"a\":1,\"a\":{\"b\":[1,true,null]}}")),
            "{\"a\":{\"b\":[1,true,null]}}");
}

TEST(Json, KeysThatOccurTwiceAreNoticed) {
  const auto repeats = [](std::string_view text) {
    bool repeats_keys = false;
    EXPECT_TRUE(ParseJson(text, repeats_keys)) << text;
    return repeats_keys;
  };
  EXPECT_FALSE(repeats(R"({"a":{"a":1,"b":2},"b":[{"a":1},{"a":1}],"aa":null})"));
  EXPECT_TRUE(repeats(R"({"a":1,"b":2,"a":3})"));
  EXPECT_TRUE(repeats(R"({"b":null,"a":1,"\u0062":null})"));
  EXPECT_TRUE(repeats(R"([{"a":[{"b":{"c":1,"c":1}}]}])"));
  // Also where the later one takes away what was there twice.
  EXPECT_TRUE(repeats(R"({"a":{"b":1,"b":2},"c":1,"a":{}})"));
}

TEST(Json, WhatIsLongIsWrittenInOrder) {
  std::string expected = "[";
  Json list = Json::array();
  for (size_t i = 0; i < 300; ++i) {
    const std::string text(i * 7 % 1200, 'x');
    list.push_back({{"name", text}, {"n", i}, {"q", text + "\n"}, {"half", 0.5}, {"none", nullptr}});
    expected += (i > 0 ? ",{\"half\":0.5,\"n\":" : "{\"half\":0.5,\"n\":") + std::to_string(i) +
                ",\"name\":\"" + text + "\",\"none\":null,\"q\":\"" + text + "\\n\"}";
  }
  std::string out = "before ";
  AppendJson(list, out);
  EXPECT_EQ(out, "before " + expected + "]");
  EXPECT_EQ(*ParseJson(expected + "]"), list);
  EXPECT_EQ(DumpJson({{"a", Json::array()}, {"b", Json::object()}}), R"({"a":[],"b":{}})");
}

TEST(Json, WhatAPageWouldTakeForItsOwnIsEscaped) {
  EXPECT_EQ(DumpJson(Json("<a>&\u2028\u2029\u202a\u00e2\xe2")),
            "\"\\u003ca\\u003e\\u0026\\u2028\\u2029\u202a\u00e2\xe2\"");
  EXPECT_EQ(*ParseJson(DumpJson(Json("<&>\u2028"))), Json("<&>\u2028"));
}

TEST(Json, ControlCharactersAreEscaped) {
  EXPECT_EQ(DumpJson(Json("a\"\\\n\x01")), "\"a\\\"\\\\\\n\\u0001\"");
}

}  // namespace
}  // namespace skiff
