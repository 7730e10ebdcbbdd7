#include "base/program_pages.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sstream>
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

TEST(ProgramPagesTest, WhatWasWrittenIsKeptAlsoWhereItIsSwappedOut) {
  std::istringstream smaps(R"(1000-3000 r-xp 00000000 fe:00 17    /usr/bin/x
Rss:                   8 kB
Anonymous:             0 kB
Swap:                  0 kB
3000-4000 r--p 00002000 fe:00 17    /usr/bin/x
Rss:                   4 kB
Anonymous:             4 kB
Swap:                  0 kB
4000-5000 r--p 00003000 fe:00 17    /usr/bin/x
Rss:                   0 kB
Anonymous:             0 kB
Swap:                  4 kB
5000-6000 rw-p 00004000 fe:00 17    /usr/bin/x
Rss:                   4 kB
Anonymous:             0 kB
Swap:                  0 kB
6000-7000 r--p 00000000 00:00 0
Rss:                   4 kB
Anonymous:             0 kB
Swap:                  0 kB
)");
  EXPECT_EQ(UnchangedPages(smaps), std::vector<ProgramPages>({{0x1000, 0x3000, 8 << 10}}));
}

}  // namespace
}  // namespace skiff
