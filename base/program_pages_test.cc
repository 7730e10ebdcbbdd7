#include "base/program_pages.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace skiff {
namespace {

// Constants that hold addresses are written by the loader.
const char* const kNames[] = {"zero", "one", "two"};
const char* (*const volatile kPick)(int) = [](int i) { return kNames[i]; };

TEST(ProgramPagesTest, TheProgramRunsOnWithoutThem) {
  EXPECT_GT(LetGoOfProgramPages(), size_t{64} << 10);
  EXPECT_STREQ(kPick(2), "two");
  EXPECT_EQ(std::string(300, 'x').size(), 300u);
  EXPECT_THROW(throw std::string("unwound"), std::string);
  LetGoOfProgramPages();
  EXPECT_STREQ(kPick(1), "one");
}

}  // namespace
}  // namespace skiff
