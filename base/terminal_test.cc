#include "base/terminal.h"

#include <gtest/gtest.h>

#include <algorithm>
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

TEST(WrappedTest, WhatGoesOnStandsBelowWhatIsExplained) {
  EXPECT_EQ(Wrapped(kHelp, 70),
            "Usage: skiff up [OPTIONS]\n"
            "\n"
            "Options:\n"
            "  --nodes INT=0               Simulate this many nodes instead of\n"
            "                              running containers; needs no root.\n"
            "  --data-dir TEXT=/var/lib/skiff\n"
            "                              Where the cluster keeps everything.\n");
}

TEST(WrappedTest, NoLineIsWiderThanTheTerminalUnlessAWordIs) {
  for (size_t width = 1; width < 120; ++width) {
    std::istringstream lines(Wrapped(kHelp, width));
    for (std::string line; std::getline(lines, line);) {
      const size_t begin = std::min(line.find_first_not_of(' '), line.size());
      if (line.find(' ', begin) == line.npos) continue;
      EXPECT_LE(line.size(), width) << line;
    }
  }
}

TEST(WrappedTest, WhereThereIsNoTerminalLinesStayAsTheyAre) {
  EXPECT_EQ(Wrapped(kHelp, 0), kHelp);
}

TEST(WrappedTest, LinesOfStatusAreBrokenBetweenWords) {
  EXPECT_EQ(Wrapped("  log    one two three\n", 20), "  log    one two\n         three\n");
  EXPECT_EQ(Wrapped("  log    one two three\n", 0), "  log    one two three\n");
  EXPECT_EQ(Wrapped("some words of it\n", 10), "some words\n    of it\n");
  EXPECT_EQ(Wrapped("\x1b[1msome\x1b[0m words\n", 10), "\x1b[1msome\x1b[0m words\n");
  EXPECT_EQ(Wrapped("  data   /a/path/that/is/too/long here\n", 20),
            "  data   /a/path/that/is/too/long\n         here\n");
  EXPECT_EQ(Wrapped("      skiff why service web -n q\n", 20), "      skiff why service web -n q\n")
      << "is to be copied";
  EXPECT_EQ(Wrapped("  1 pod Failed: default/a, default/b\n", 24),
            "  1 pod Failed:\n      default/a,\n      default/b\n");
}

TEST(WrappedTest, WhereTheSecondColumnHasTooLittleRoomItStandsBelowTheFirst) {
  EXPECT_EQ(Wrapped(kHelp, 40),
            "Usage: skiff up [OPTIONS]\n"
            "\n"
            "Options:\n"
            "  --nodes INT=0\n"
            "      Simulate this many nodes instead\n"
            "      of running containers; needs no\n"
            "      root.\n"
            "  --data-dir TEXT=/var/lib/skiff\n"
            "      Where the cluster keeps\n"
            "      everything.\n");
  EXPECT_EQ(Wrapped("  --bind-address TEXT=0.0.0.0 The address it listens on.\n", 40),
            "  --bind-address TEXT=0.0.0.0\n      The address it listens on.\n")
      << "one space is between them";
  EXPECT_EQ(Wrapped("  kill TARGET                  a pod's containers\n", 40),
            "  kill TARGET\n      a pod's containers\n");
}

TEST(WrappedTest, WhatATabSetsInGoesOnBehindATab) {
  const char* const flag =
      "    -n, --namespace='':\n\tThe namespace that it is in, if it is in one.\n";
  EXPECT_EQ(Wrapped(flag, 40),
            "    -n, --namespace='':\n"
            "\tThe namespace that it is in, if\n"
            "\tit is in one.\n");
  EXPECT_EQ(Wrapped(flag, 24),
            "    -n, --namespace='':\n"
            "      The namespace that\n"
            "      it is in, if it is\n"
            "      in one.\n");
}

}  // namespace
}  // namespace skiff
