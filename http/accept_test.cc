#include "http/accept.h"

#include <gtest/gtest.h>

namespace skiff::http {
namespace {

std::string Order(std::string_view header) {
  std::string order;
  for (const AcceptClause& clause : ParseAccept(header)) {
    order += (order.empty() ? "" : " ") + clause.type + "/" + clause.subtype;
  }
  return order;
}

TEST(Accept, WhatIsWantedMostComesFirst) {
  EXPECT_EQ(Order("a/b, c/d"), "a/b c/d");
  EXPECT_EQ(Order("*/*, a/*, a/b"), "a/b a/* */*");
  EXPECT_EQ(Order("a/b;q=0.2,c/d;q=0.9, *"), "*/* c/d a/b");
  EXPECT_EQ(Order("a/b;q=nan, c/d;q=0.1, e/f;q=nan, g/h;q=x"), "c/d a/b e/f g/h");
  EXPECT_EQ(Order("nonsense, , a/b"), "a/b");
  EXPECT_EQ(Order(""), "");
  std::string many = "a/b";
  for (int i = 0; i < 1000; ++i) many += ",a/b";
  EXPECT_EQ(ParseAccept(many).size(), 64);
}

TEST(Accept, AClauseMatchesByItsWildcards) {
  const auto matches = [](std::string_view header, std::string_view media) {
    return ParseAccept(header).at(0).Matches(media);
  };
  EXPECT_TRUE(matches("application/json", "application/json"));
  EXPECT_TRUE(matches("application/*", "application/json"));
  EXPECT_TRUE(matches("*/*", "application/json"));
  EXPECT_FALSE(matches("*/json", "application/json"));
  EXPECT_FALSE(matches("text/*", "application/json"));
  EXPECT_FALSE(matches("application/jso", "application/json"));
}

TEST(Accept, ParametersStandByName) {
  const auto clause = ParseAccept(" a/b ; as=Table ;v=v1; q=0.5; nothing").at(0);
  EXPECT_EQ(clause.quality, 0.5);
  EXPECT_EQ(clause.Parameter("as"), "Table");
  EXPECT_EQ(clause.Parameter("v"), "v1");
  EXPECT_EQ(clause.Parameter("q"), "");
  EXPECT_EQ(clause.Parameter("nothing"), "");
  EXPECT_TRUE(ParseAccept("a/b;as=;v=a=b;g").at(0).parameters.empty());
}

TEST(Accept, PartsStandWithoutBlanks) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(SplitHeader(" gzip ,\tbr, ", ','), (Parts{"gzip", "br", ""}));
  EXPECT_EQ(SplitHeader("", ','), Parts{""});
}

}  // namespace
}  // namespace skiff::http
