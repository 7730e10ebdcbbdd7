#include "cli/compose/interpolate.h"

#include <gtest/gtest.h>

#include <map>

namespace skiff::cli::compose {
namespace {

std::string Made(const std::string& text, bool lenient = false) {
  const std::map<std::string, std::string> variables = {
      {"A", "apple"}, {"EMPTY", ""}, {"D", "$A"}};
  Interpolation with{.lookup = [&](const std::string& name) -> std::optional<std::string> {
                       const auto found = variables.find(name);
                       if (found == variables.end()) return std::nullopt;
                       return found->second;
                     },
                     .lenient = lenient};
  auto made = Interpolate(text, with);
  if (!made) return "error: " + made.error().message;
  std::string out = *made;
  for (const auto& [name, place] : with.unset) out += " unset:" + name;
  return out;
}

TEST(InterpolateTest, PutsValuesInPlaceOfNames) {
  EXPECT_EQ(Made("x"), "x");
  EXPECT_EQ(Made("$A-${A}"), "apple-apple");
  EXPECT_EQ(Made("$$A and $${A}"), "$A and ${A}");
  EXPECT_EQ(Made("[$NONE]"), "[] unset:NONE");
  EXPECT_EQ(Made("${EMPTY}."), ".");
  EXPECT_EQ(Made("$D"), "$A") << "values are no texts to interpolate";
}

TEST(InterpolateTest, DefaultsStandForWhatIsNotSetOrEmpty) {
  EXPECT_EQ(Made("${NONE:-x}"), "x");
  EXPECT_EQ(Made("${NONE-x}"), "x");
  EXPECT_EQ(Made("${EMPTY:-x}"), "x");
  EXPECT_EQ(Made("${EMPTY-x}"), "");
  EXPECT_EQ(Made("${A:-x}${A-x}"), "appleapple");
  EXPECT_EQ(Made("${NONE:-}"), "");
  EXPECT_EQ(Made("${NONE:-a:b=c-d}"), "a:b=c-d");
}

TEST(InterpolateTest, ReplacementsStandForWhatIsSet) {
  EXPECT_EQ(Made("${A:+x}${A+y}"), "xy");
  EXPECT_EQ(Made("${EMPTY:+x}|${EMPTY+y}|${NONE:+z}|${NONE+z}"), "|y||");
}

TEST(InterpolateTest, RequiredVariablesFailWithTheirText) {
  EXPECT_EQ(Made("${A:?no}${EMPTY?no}"), "apple");
  EXPECT_EQ(Made("${NONE?set it}"), "error: required variable NONE is missing a value: set it");
  EXPECT_EQ(Made("${EMPTY:?set $A}"),
            "error: required variable EMPTY is missing a value: set apple");
  EXPECT_EQ(Made("${NONE:?}"), "error: required variable NONE is missing a value");
}

TEST(InterpolateTest, VariablesMayStandInsideOthers) {
  EXPECT_EQ(Made("${NONE:-${EMPTY:-${A}}}"), "apple");
  EXPECT_EQ(Made("${NONE:-{\"k\": \"$A\"}}"), "{\"k\": \"apple\"}");
  EXPECT_EQ(Made("${A:-${NONE:?never asked for}}"), "apple");
}

TEST(InterpolateTest, ADollarThatBeginsNothingIsOne) {
  for (const std::string text : {"$ x", "a$", "$2a$14$1l.Io", "$-$"}) EXPECT_EQ(Made(text), text);
  EXPECT_EQ(Made("${NONE:-$2a$$b$A$}"), "$2a$bapple$");
}

TEST(InterpolateTest, BracesThatAreNoFormAreRefusedOrKept) {
  const std::string why = "; a $ that is meant as such is written $$";
  for (const std::string text : {"${}", "${A", "${1}", "${A:x}", "${A/x}"}) {
    EXPECT_EQ(Made(text), "error: invalid interpolation format: \"" + text + "\"" + why);
    EXPECT_EQ(Made(text, /*lenient=*/true).substr(0, text.size()), text);
  }
}

TEST(InterpolateTest, IsBounded) {
  std::string deep = "x";
  for (int i = 0; i < 20; ++i) deep = "${NONE:-" + deep + "}";
  EXPECT_EQ(Made(deep), "error: variables nest deeper than 16");
  std::string long_text;
  for (int i = 0; i < 300'000; ++i) long_text += "${A}";
  EXPECT_EQ(Made(long_text), "error: comes to more than 1048576 bytes");
}

TEST(InterpolateTest, ErrorsInAFileNameTheLine) {
  auto nodes = ParseNodes("c.yml", "a: $A\nb:\n- ${X?gone}\n");
  ASSERT_TRUE(nodes);
  Interpolation with{.lookup = [](const std::string&) { return std::nullopt; }};
  Mistakes wrong;
  EXPECT_TRUE(InterpolateTree((*nodes)[0], with, wrong));
  EXPECT_EQ(wrong.Told().error().message, "c.yml:3: required variable X is missing a value: gone");
  EXPECT_EQ((*nodes)[0]["a"].Text(), "");
}

}  // namespace
}  // namespace skiff::cli::compose
