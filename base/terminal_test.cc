#include "base/terminal.h"

#include <gtest/gtest.h>

#include <sstream>

namespace skiff {
namespace {

constexpr char kHelp[] =
    "Usage: skiff up [OPTIONS]\n"
    "\n"
    "Options:\n"
    "  --nodes INT=0               Simulate this many nodes instead of running containers; needs "
    "no "
    "root.\n"
    "  --data-dir TEXT=/var/lib/skiff\n"
    "                              Where the cluster keeps everything.\n";

TEST(HelpWithinTest, WhatGoesOnStandsBelowWhatIsExplained) {
  EXPECT_EQ(HelpWithin(kHelp, 70),
            "Usage: skiff up [OPTIONS]\n"
            "\n"
            "Options:\n"
            "  --nodes INT=0               Simulate this many nodes instead of\n"
            "                              running containers; needs no root.\n"
            "  --data-dir TEXT=/var/lib/skiff\n"
            "                              Where the cluster keeps everything.\n");
}

TEST(HelpWithinTest, NoLineIsWiderThanTheTerminalUnlessAWordIs) {
  for (size_t width = 1; width < 120; ++width) {
    std::istringstream lines(HelpWithin(kHelp, width));
    for (std::string line; std::getline(lines, line);) {
      const size_t begin = std::min(line.find_first_not_of(' '), line.size());
      if (line.find(' ', begin) == line.npos) continue;
      EXPECT_LE(line.size(), width) << line;
    }
  }
}

TEST(HelpWithinTest, WhereThereIsNoTerminalLinesStayAsTheyAre) {
  EXPECT_EQ(HelpWithin(kHelp, 0), kHelp);
}

}  // namespace
}  // namespace skiff
