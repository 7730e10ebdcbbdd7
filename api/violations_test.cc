#include "api/violations.h"

#include <gtest/gtest.h>

#include <ctime>
#include <utility>

#include "api/text/go_text.h"
#include "api/text/go_value.h"

namespace skiff {
namespace {

const FieldPath kPath("spec");

TEST(GoTextTest, QuotesAsGoDoes) {
  EXPECT_EQ(GoQuote("a"), R"("a")");
  EXPECT_EQ(GoQuote("a\"b\\c\n\t\x01\x7f"), R"("a\"b\\c\n\t\x01\x7f")");
  EXPECT_EQ(GoQuote("gr\u00fcn \u00a0"), "\"gr\u00fcn \\u00a0\"");
  EXPECT_EQ(GoQuote("\xff"
                    "a"),
            R"("\xffa")");
  EXPECT_EQ(GoQuote("\U0001F600\U000E0001"), "\"\U0001F600\\U000e0001\"");
}

TEST(GoTextTest, JsonHasSortedKeysAndEscapesMarkup) {
  EXPECT_EQ(GoJson(Json{{"b", "<&>"}, {"a", {1, 2.5, nullptr, true}}}),
            R"({"a":[1,2.5,null,true],"b":"\u003c\u0026\u003e"})");
  EXPECT_EQ(GoJson(Json::object()), "{}");
  EXPECT_EQ(GoJson(Json::array()), "[]");
}

TEST(GoTextTest, FloatsAreQuotedAsGoPrintsThem) {
  Violations wrong;
  wrong.Invalid(kPath, Json(1e6), "a");
  wrong.Invalid(kPath, Json(2.0), "b");
  wrong.Invalid(kPath, Json::array({1e6}), "c");
  EXPECT_EQ(wrong.causes()[0].message, "Invalid value: 1e+06: a");
  EXPECT_EQ(wrong.causes()[1].message, "Invalid value: 2: b");
  EXPECT_EQ(wrong.causes()[2].message, "Invalid value: [1000000]: c");
  EXPECT_EQ(GoPlain(Json{{"a", 123456.5}, {"b", 1e-5}, {"c", 9007199254740993}}),
            "map[a:123456.5 b:1e-05 c:9007199254740993]");
}

// 9,000 levels around a long text were nine thousand copies of it, 9 GB for the 1 MB here.
TEST(GoTextTest, ADeepValueIsWrittenInTheTimeOfAFlatOne) {
  Json deep = std::string(size_t{1} << 20, 'x');
  for (int i = 0; i < 9000; ++i) deep = Json::array({std::move(deep)});
  const auto cpu_of = [](const auto& work) {
    const std::clock_t begin = std::clock();
    work();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  EXPECT_LT(cpu_of([&] { EXPECT_EQ(GoPlain(deep).size(), (size_t{1} << 20) + 18000); }), 0.3);
  EXPECT_LT(cpu_of([&] { EXPECT_GT(GoSyntax(deep).size(), size_t{1} << 20); }), 0.3);
}

TEST(GoTextTest, OfWhatClientsSendSoMuchIsShown) {
  EXPECT_EQ(GoShown(Json{{"a", {1, "b"}}}), "map[a:[1 b]]");
  const std::string most(kShownMax, 'x');
  EXPECT_EQ(GoShown(most), most);
  EXPECT_EQ(GoShown(most + "x"), most + "...");
  EXPECT_EQ(GoShown(Json::array({most})), "[" + most.substr(1) + "...");
  EXPECT_EQ(GoShown(most.substr(1) + "\u00fc"), most.substr(1) + "...") << "whole letters";
  Json deep = std::string(size_t{1} << 20, 'x');
  for (int i = 0; i < 9000; ++i) deep = Json::array({std::move(deep)});
  EXPECT_EQ(GoShown(deep), std::string(kShownMax, '[') + "...");
}

TEST(GoTextTest, StructsKeepTheOrderOfTheirFields) {
  const Type* selector = FindBuiltInType("meta/v1", "LabelSelector");
  ASSERT_NE(selector, nullptr);
  const Json value = {{"matchExpressions", {{{"operator", "In"}, {"key", "a"}}}},
                      {"matchLabels", {{"z", "1"}, {"b", "2"}}}};
  EXPECT_EQ(
      GoJson(*selector, value),
      R"({"matchLabels":{"b":"2","z":"1"},"matchExpressions":[{"key":"a","operator":"In"}]})");
}

TEST(ViolationsTest, EachKindOfErrorHasItsText) {
  const auto text = [](auto add) {
    Violations out;
    add(out);
    return out.Text();
  };
  EXPECT_EQ(text([](auto& out) { out.Invalid(kPath, -1, "too low"); }),
            "spec: Invalid value: -1: too low");
  EXPECT_EQ(text([](auto& out) { out.Invalid(kPath, "x", ""); }), R"(spec: Invalid value: "x")");
  EXPECT_EQ(text([](auto& out) { out.Invalid(kPath, nullptr, "d"); }),
            "spec: Invalid value: null: d");
  EXPECT_EQ(text([](auto& out) { out.Invalid(kPath, Printed::Nothing(), "d"); }),
            "spec: Invalid value: d");
  EXPECT_EQ(text([](auto& out) { out.Required(kPath); }), "spec: Required value");
  EXPECT_EQ(text([](auto& out) { out.Required(kPath.Child("a").Index(2).Key("k"), "why"); }),
            "spec.a[2][k]: Required value: why");
  EXPECT_EQ(text([](auto& out) { out.Duplicate(kPath, "Pod"); }),
            R"(spec: Duplicate value: "Pod")");
  EXPECT_EQ(text([](auto& out) { out.Forbidden(kPath, "no"); }), "spec: Forbidden: no");
  EXPECT_EQ(text([](auto& out) { out.NotFound(kPath, "v"); }), R"(spec: Not found: "v")");
  EXPECT_EQ(text([](auto& out) {
              out.NotSupported(kPath, "v", {"b", "a"});
            }),
            R"(spec: Unsupported value: "v": supported values: "b", "a")");
  EXPECT_EQ(text([](auto& out) { out.NotSupported(kPath, Json{"x"}, {}); }),
            R"(spec: Unsupported value: ["x"])");
  EXPECT_EQ(text([](auto& out) { out.TooLong(kPath, 1); }),
            "spec: Too long: may not be more than 1 byte");
  EXPECT_EQ(text([](auto& out) { out.TooMany(kPath, 5, 4); }),
            "spec: Too many: 5: must have at most 4 items");
  EXPECT_EQ(text([](auto& out) { out.TooLong(kPath, -1); }), "spec: Too long: value is too long");
  EXPECT_EQ(text([](auto& out) { out.TooMany(kPath, 0, -1); }),
            "spec: Too many: 0: has too many items");
  EXPECT_EQ(text([](auto& out) { out.TypeInvalid(FieldPath(), 1, "d"); }),
            "<nil>: Invalid value: 1: d");
  EXPECT_EQ(text([](auto& out) { out.Internal(kPath, "broke"); }), "spec: Internal error: broke");
}

TEST(ViolationsTest, OneErrorStandsAloneInTheStatus) {
  Violations out;
  out.Required(FieldPath("metadata").Child("name"), "name or generateName is required");
  const Error error = out.ToError("", "Pod", "");
  EXPECT_EQ(error.reason, Reason::kInvalid);
  EXPECT_EQ(error.http_code, 422);
  EXPECT_EQ(error.message,
            "Pod \"\" is invalid: metadata.name: Required value: name or generateName is required");
  EXPECT_EQ(error.causes, (std::vector<Cause>{{"FieldValueRequired",
                                               "Required value: name or generateName is required",
                                               "metadata.name"}}));
  EXPECT_EQ(error.details, (ErrorDetails{.kind = "Pod"}));
}

TEST(ViolationsTest, RepeatedTextsAreCausesButPrintOnce) {
  Violations once;
  once.Required(kPath);
  Violations out = once;
  out.Append(once);
  EXPECT_EQ(out.ToError("apps", "Deployment", "d").message,
            "Deployment.apps \"d\" is invalid: spec: Required value");
  out.Forbidden(kPath, "no");
  const Error error = out.ToError("apps", "Deployment", "d");
  EXPECT_EQ(error.message,
            "Deployment.apps \"d\" is invalid: [spec: Required value, spec: Forbidden: no]");
  EXPECT_EQ(error.causes.size(), 3);
  EXPECT_EQ(error.details->group, "apps");
}

TEST(ViolationsTest, NoMoreThanAThousandAreListed) {
  Violations out;
  for (size_t i = 0; i < 100'000; ++i) out.Required(kPath.Index(i));
  ASSERT_EQ(out.causes().size(), 1001);
  EXPECT_EQ(out.causes()[999].field, "spec[999]");
  EXPECT_EQ(out.causes()[1000],
            (Cause{"FieldValueTooMany", "Too many: this error and those after it are not listed",
                   "spec[1000]"}));
  Violations both;
  both.Append(out);
  both.Append(out);
  EXPECT_EQ(both.causes(), out.causes());
}

TEST(ViolationsTest, WhatIsListedIsBoundedInBytes) {
  Violations out;
  const FieldPath path = kPath.Key(std::string(100'000, 'k'));
  for (size_t i = 0; i < 500; ++i) out.Required(path.Index(i));
  EXPECT_EQ(out.causes().size(), 12);
  EXPECT_LT(out.Text().size(), 1'500'000);
}

// 60,000 files of one source may have the same path, and the source a name of a megabyte.
TEST(ViolationsTest, ALongTextIsCopiedNoOftenerThanItIsListed) {
  Violations out;
  const std::string name(1 << 20, 'n');
  for (size_t i = 0; i < 200'000; ++i) out.Invalid(kPath, name, "conflicting duplicate paths");
  for (size_t i = 0; i < 200'000; ++i) out.Duplicate(kPath, name);
  for (size_t i = 0; i < 200'000; ++i) out.NotFound(kPath, name);
  EXPECT_EQ(out.causes().size(), 2);
  EXPECT_TRUE(out.full());
}

TEST(ViolationsTest, PatchErrorsNameNoKind) {
  Violations out;
  out.Invalid(FieldPath("patch"), "{}", "strict decoding error");
  EXPECT_EQ(out.ToError("", "", "").message,
            R"( "" is invalid: patch: Invalid value: "{}": strict decoding error)");
}

}  // namespace
}  // namespace skiff
