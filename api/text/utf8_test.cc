#include "api/text/utf8.h"

#include <gtest/gtest.h>

#include "api/text/runes.h"

namespace skiff {
namespace {

std::string Cut(std::string text, size_t bytes_max) {
  CutUtf8(text, bytes_max);
  return text;
}

TEST(Utf8Test, RunesAreCountedAndNotBytes) {
  EXPECT_EQ(RuneCount(""), 0u);
  EXPECT_EQ(RuneCount("abc"), 3u);
  EXPECT_EQ(RuneCount("a\u00e9\u6f22\U0001F600"), 4u);
}

TEST(Utf8Test, TextIsCutBetweenItsCharacters) {
  EXPECT_EQ(Cut("abc", 3), "abc");
  EXPECT_EQ(Cut("abc", 2), "ab");
  EXPECT_EQ(Cut("abc", 0), "");
  EXPECT_EQ(Cut("a\u00e9b", 2), "a");
  EXPECT_EQ(Cut("a\u00e9b", 3), "a\u00e9");
  for (const size_t size : {1u, 2u, 3u, 4u}) EXPECT_EQ(Cut("a\U0001F600b", size), "a") << size;
  EXPECT_EQ(Cut("a\U0001F600b", 5), "a\U0001F600");
  EXPECT_EQ(Cut("\U0001F600", 3), "");
}

TEST(Utf8Test, WhatIsNoTextIsCutWhereItIsTold) {
  EXPECT_EQ(Cut(std::string(9, '\x80'), 6), std::string(6, '\x80'));
}

}  // namespace
}  // namespace skiff
