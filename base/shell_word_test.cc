#include "base/shell_word.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(ShellWord, IsQuotedWhereAShellWouldDoSomething) {
  EXPECT_EQ(ShellWord("web-1.shop/a:b=c,d@e%f+g"), "web-1.shop/a:b=c,d@e%f+g");
  EXPECT_EQ(ShellWord("a b"), "'a b'");
  EXPECT_EQ(ShellWord("$(id)"), "'$(id)'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord("~root"), "'~root'");
  EXPECT_EQ(ShellWord("-rf"), "'-rf'");
  EXPECT_EQ(ShellWord(""), "''");
}

}  // namespace
}  // namespace skiff
