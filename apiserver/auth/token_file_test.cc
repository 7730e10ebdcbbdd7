#include "apiserver/auth/token_file.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(TokenFile, ReadsUsersAndGroups) {
  const auto file = TokenFile::Parse("t1,alice,u1,\"dev,ops\"\n\nt2,bob,u2\n");
  ASSERT_TRUE(file.has_value());
  ASSERT_NE(file->Find("t1"), nullptr);
  EXPECT_EQ(file->Find("t1")->name, "alice");
  EXPECT_EQ(file->Find("t1")->groups, (std::vector<std::string>{"dev", "ops"}));
  EXPECT_TRUE(file->Find("t2")->groups.empty());
  EXPECT_EQ(file->Find("t3"), nullptr);
  EXPECT_EQ(file->Find(""), nullptr);
}

TEST(TokenFile, RefusesShortLines) {
  EXPECT_FALSE(TokenFile::Parse("a,b\n").has_value());
}

}  // namespace
}  // namespace skiff
