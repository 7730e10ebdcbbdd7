#include "api/values.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "api/gen/apiextensions_v1.h"
#include "api/text/time_text.h"

namespace skiff {
namespace {

std::string Canonical(std::string_view text) {
  const auto quantity = Quantity::Parse(text);
  return quantity ? quantity->Text() : quantity.error().message;
}

TEST(TimeTest, HoldsEveryYearThatHasAText) {
  for (const char* text :
       {"0000-01-01T00:00:00Z", "0001-01-01T00:00:02Z", "1677-09-21T00:12:43Z",
        "1970-01-01T00:00:00Z", "2262-04-11T23:47:17Z", "9999-12-31T23:59:59Z"}) {
    const auto time = Time::Parse(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(time->Rfc3339(), text);
    EXPECT_FALSE(time->IsZero()) << text;
  }
  EXPECT_TRUE(Time::Parse("0001-01-01T00:00:00Z")->IsZero());
  EXPECT_TRUE(Time::Parse("0001-01-01T01:00:00+01:00")->IsZero());
  EXPECT_EQ(Time::Parse("1500-01-01T00:00:00.123456789Z")->Rfc3339Micro(),
            "1500-01-01T00:00:00.123456Z");
  EXPECT_FALSE(Time::Parse("9999-12-31T23:59:59-01:00"));
  EXPECT_FALSE(Time::Parse("0000-01-01T00:00:00+01:00"));
}

TEST(TimeTest, MomentsAreOrderedAndClamped) {
  const TimePoint now(1'800'000'000'123'456'789ns);
  EXPECT_EQ(Time(now).point(), now);
  EXPECT_EQ(Time(TimePoint(-1ns)).point(), TimePoint(-1ns));
  EXPECT_TRUE(Time(TimePoint{}).IsZero());
  EXPECT_EQ(Time().point(), TimePoint{});
  EXPECT_LT(Time::Parse("0001-01-01T00:00:00.5Z")->point(), TimePoint(-9'000'000'000s));
  EXPECT_GT(Time::Parse("9999-01-01T00:00:00Z")->point(), TimePoint(9'000'000'000s));
  EXPECT_LT(Time(), *Time::Parse("0001-01-01T00:00:00.000000001Z"));
  EXPECT_EQ(Time(now).PlusSeconds(-1).point(), now - 1s);
  EXPECT_EQ(Time(now).PlusSeconds(INT64_MAX).Rfc3339(), "9999-12-31T23:59:59Z");
  EXPECT_EQ(Time(now).PlusSeconds(INT64_MIN).Rfc3339(), "0000-01-01T00:00:00Z");
}

TEST(Quantity, CanonicalTextsAreThoseOfKubernetes) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"1.0", "1"},
      {"1024Mi", "1Gi"},
      {"1e9", "1e9"},
      {"0.1", "100m"},
      {"128974848", "128974848"},
      {"123e6", "123e6"},
      {"1.5Gi", "1536Mi"},
      {"1000k", "1M"},
      {"1e-1", "100e-3"},
      {"0.5Gi", "512Mi"},
      {"100E-2", "1"},
      {"1000m", "1"},
      {"1000Ki", "1000Ki"},
      {"1Pi", "1Pi"},
      {"+0.5", "500m"},
      {"0.1Ki", "102400m"},
      {"010", "010"},
      {"+5", "+5"},
      {"5.", "5."},
      {"1.500", "1.500"},
      {"1500e-3", "1500e-3"},
      {"1e20", "100e18"},
      {"10000", "10k"},
      {"100Ei", "9223372036854775807"},
      {"0Gi", "0"},
      {"0e5", "0"},
      {"1e30", "1e30"},
      {"12345678901234567890", "12345678901234567890"},
      {"0.0001", "100u"},
      {"1n", "1n"},
      {"0.1n", "1n"},
      {"-1Ki", "-1Ki"},
      {"-0.5", "-500m"},
      {"0", "0"},
      {"1023", "1023"},
      {"1Ki", "1Ki"},
      {"2E", "2E"},
      {"0.1Gi", "107374182400m"},
  };
  for (const auto& [text, canonical] : cases) EXPECT_EQ(Canonical(text), canonical) << text;
}

TEST(Quantity, TextThatIsNoQuantityIsRefusedInKubernetesWords) {
  const std::string format =
      "quantities must match the regular expression "
      "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  for (const char* text : {"", "lots", "true", "[1]", "1 Gi", "1.2.3", "1KI"}) {
    EXPECT_EQ(Canonical(text), format) << text;
  }
  for (const char* text : {"1ki", "1ee5", "1Gim", "1.5e-9223372036854775808"}) {
    EXPECT_EQ(Canonical(text), "unable to parse quantity's suffix") << text;
  }
}

TEST(Quantity, ValuesRoundUpAndSaturate) {
  EXPECT_EQ(Quantity::Parse("100m")->Value(), 1);
  EXPECT_EQ(Quantity::Parse("-100m")->Value(), -1);
  EXPECT_EQ(Quantity::Parse("1.5Gi")->Value(), 1610612736);
  EXPECT_EQ(Quantity::Parse("100u")->MilliValue(), 1);
  EXPECT_EQ(Quantity::Parse("1e30")->Value(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Quantity::Parse("2E")->MilliValue(), std::numeric_limits<int64_t>::max());
  // However many digits it has, and wherever the point stands.
  const std::string digits(60, '9');
  EXPECT_GT(*Quantity::Parse(digits + ".123456789"), *Quantity::Parse("1e20"));
  EXPECT_LT(*Quantity::Parse("-" + digits + ".123456789"), *Quantity::Parse("-1e20"));
}

TEST(Quantity, RoundingToMilliKeepsTextThatNeedsNone) {
  EXPECT_EQ(Quantity::Parse("0.0001")->RoundedUpToMilli().Text(), "1m");
  EXPECT_EQ(Quantity::Parse("123456789.12345679")->RoundedUpToMilli().Text(), "123456789124m");
  EXPECT_EQ(Quantity::Parse("1.500")->RoundedUpToMilli().Text(), "1.500");
  EXPECT_EQ(Quantity::Parse("1.1111")->RoundedUpToMilli().Text(), "1112m");
}

TEST(Quantity, ArithmeticKeepsTheFormatOfTheLeftSide) {
  EXPECT_EQ((*Quantity::Parse("1Gi") + *Quantity::Parse("512Mi")).Text(), "1536Mi");
  EXPECT_EQ((*Quantity::Parse("600m") + *Quantity::Parse("600m")).Text(), "1200m");
  EXPECT_EQ((Quantity() + *Quantity::Parse("1Gi")).Text(), "1Gi");
  EXPECT_EQ((*Quantity::Parse("1") - *Quantity::Parse("1500m")).Text(), "-500m");
  EXPECT_EQ(Quantity::FromValue(1 << 20, true).Text(), "1Mi");
  EXPECT_EQ(Quantity::FromMilli(2500).Text(), "2500m");
  EXPECT_EQ(*Quantity::Parse("1"), *Quantity::Parse("1000m"));
  EXPECT_LT(*Quantity::Parse("999m"), *Quantity::Parse("1"));
}

TEST(Quantity, AnotherFormatHasItWholeAndItsOwnAsItIs) {
  const auto in_format_of = [](const char* text, const char* other) {
    return Quantity::Parse(text)->InFormatOf(*Quantity::Parse(other)).Text();
  };
  EXPECT_EQ(in_format_of("1G", "1Gi"), "1000000000");
  EXPECT_EQ(in_format_of("512Mi", "1G"), "536870912");
  EXPECT_EQ(in_format_of("1Gi", "5G"), "1073741824");
  EXPECT_EQ(in_format_of("0", "10Gi"), "0");
  EXPECT_EQ(in_format_of("500m", "2"), "500m");
  EXPECT_EQ(in_format_of("2048M", "1Gi"), "2000000Ki");
}

TEST(Time, ReadsAnyOffsetAndWritesUtc) {
  EXPECT_EQ(Time::Parse("2026-01-02T15:04:05+02:00")->Rfc3339(), "2026-01-02T13:04:05Z");
  EXPECT_EQ(Time::Parse("2026-01-02T15:04:05.123456789Z")->Rfc3339Micro(),
            "2026-01-02T15:04:05.123456Z");
  EXPECT_TRUE(Time::Parse("0001-01-01T00:00:00Z")->IsZero());
  EXPECT_EQ(Time().Rfc3339(), "0001-01-01T00:00:00Z");
  EXPECT_EQ(
      FormatInstant(*ParseInstant("9999-12-31T23:59:59Z", TimeForm::kSeconds), TimeForm::kSeconds),
      "9999-12-31T23:59:59Z");
}

TEST(Time, RefusesWithGoTexts) {
  const auto message = [](std::string_view text, TimeForm form = TimeForm::kSeconds) {
    return ParseInstant(text, form).error().message;
  };
  EXPECT_EQ(message("yesterday"),
            "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse "
            "\"yesterday\" as \"2006\"");
  EXPECT_EQ(message("2026-01-02"),
            "parsing time \"2026-01-02\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as "
            "\"T\"");
  EXPECT_EQ(message("2026-13-02T00:00:00Z"),
            "parsing time \"2026-13-02T00:00:00Z\": month out of range");
  EXPECT_EQ(message("2026-02-30T00:00:00Z"),
            "parsing time \"2026-02-30T00:00:00Z\": day out of range");
  EXPECT_EQ(message("2026-01-02T15:04:05Z", TimeForm::kMicro),
            "parsing time \"2026-01-02T15:04:05Z\" as \"2006-01-02T15:04:05.000000Z07:00\": "
            "cannot parse \"Z\" as \".000000\"");
  EXPECT_EQ(message("2026-01-02T15:04:05Zx"),
            "parsing time \"2026-01-02T15:04:05Zx\": extra text: \"x\"");
}

TEST(GoDuration, RoundTripsAndRefusesInGoWords) {
  for (const char* text : {"0s", "1h2m3s", "1.5s", "250ms", "1µs", "17ns", "-2m0s", "5m0s",
                           "-2562047h47m16.854775808s"}) {
    EXPECT_EQ(FormatGoDuration(*ParseGoDuration(text)), text);
  }
  EXPECT_EQ(ParseGoDuration("x").error().message, "time: invalid duration \"x\"");
  EXPECT_EQ(ParseGoDuration("10").error().message, "time: missing unit in duration \"10\"");
  EXPECT_EQ(ParseGoDuration("1d").error().message, "time: unknown unit \"d\" in duration \"1d\"");
}

TEST(IntOrString, ScalesPercentagesAndRefusesOtherStrings) {
  EXPECT_EQ(*IntOrString("25%").ScaledTo(10, true), 3);
  EXPECT_EQ(*IntOrString("25%").ScaledTo(10, false), 2);
  EXPECT_EQ(*IntOrString(7).ScaledTo(10, false), 7);
  EXPECT_EQ(IntOrString("http").ScaledTo(1, true).error().message,
            "invalid value for IntOrString: invalid type: string is not a percentage");
  EXPECT_EQ(IntOrString("a%").ScaledTo(1, true).error().message,
            "invalid value for IntOrString: invalid value \"a%\": strconv.Atoi: parsing \"a\": "
            "invalid syntax");
}

using apiextensions_v1::JSONSchemaProps;

JSONSchemaProps Nested() {
  JSONSchemaProps outer, inner;
  inner.type = "a text that is too long to stand in the string itself";
  outer.type = "object";
  outer.properties["inner"] = inner;
  outer.not_ = inner;
  return outer;
}

TEST(GeneratedStruct, IsAssignedWhatItHolds) {
  const JSONSchemaProps expected = *Nested().not_;
  JSONSchemaProps copied = Nested(), moved = Nested(), same = Nested();
  copied = *copied.not_;
  EXPECT_EQ(copied, expected);
  moved = std::move(moved.properties["inner"]);
  EXPECT_EQ(moved, expected);
  const JSONSchemaProps& itself = same;
  same = itself;
  EXPECT_EQ(same, Nested());
}

TEST(Box, HoldsItsOwnValueOrNone) {
  Box<JSONSchemaProps> a = Nested(), b = a;
  EXPECT_EQ(a, b);
  b->type = "array";
  EXPECT_NE(a, b);
  a = *a->not_;
  EXPECT_EQ(*a, *Nested().not_);
  b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT: asked on purpose.
  EXPECT_TRUE(b);
  b = std::nullopt;
  EXPECT_EQ(a, b);
  EXPECT_TRUE(b.Ensure().type.empty());
  b.emplace().type = "string";
  EXPECT_EQ(b.Ensure().type, "string");
  b.reset();
  EXPECT_FALSE(b.has_value());
}

}  // namespace
}  // namespace skiff
