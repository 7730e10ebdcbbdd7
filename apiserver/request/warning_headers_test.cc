#include "apiserver/request/warning_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(WarningHeaders, SaysEachTextOnceAndQuotesIt) {
  EXPECT_THAT(WarningHeaders({R"(unknown field "a\b")", "second", R"(unknown field "a\b")"}),
              ElementsAre(R"(299 - "unknown field \"a\\b\"")", R"(299 - "second")"));
}

TEST(WarningHeaders, LeavesOutWhatNoHeaderCanSay) {
  EXPECT_THAT(WarningHeaders({"", "my\ntext", "\x7f", "\xff"}), IsEmpty());
}

TEST(WarningHeaders, SaysLongTextsInFullWhileAllOfThemFit) {
  const std::string half(2048, 'a');
  const std::string other(2048, 'b');
  EXPECT_THAT(WarningHeaders({half, other}),
              ElementsAre("299 - \"" + half + "\"", "299 - \"" + other + "\""));
}

TEST(WarningHeaders, CutsEachTextOnceTheyAreTooLongTogether) {
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "ü";
  const std::string cut_umlauts = umlauts.substr(0, 512);  // Runes are whole.
  EXPECT_THAT(WarningHeaders({umlauts, "short", std::string(4000, 'b'), "last"}),
              ElementsAre("299 - \"" + cut_umlauts + "\"", "299 - \"short\"",
                          "299 - \"" + std::string(256, 'b') + "\"", "299 - \"last\""));
}

TEST(WarningHeaders, LeavesOutWhatComesAfterTheBudget) {
  std::vector<std::string> texts;
  for (int i = 0; i < 10'000; ++i) {
    texts.push_back("w" + std::to_string(i) + std::string(300, 'x'));
  }
  const auto headers = WarningHeaders(texts);
  EXPECT_EQ(headers.size(), 16u);  // Of 256 runes each.
  EXPECT_EQ(headers[0].size(), 256u + std::string_view("299 - \"\"").size());
}

}  // namespace
}  // namespace skiff
