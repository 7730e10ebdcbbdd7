#include "cli/colours.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>

namespace skiff::cli {
namespace {

TEST(ColoursTest, ADiffHasThoseOfItsLines) {
  const std::string diff = "--- a\n+++ b\n@@ -1 +1 @@\n same\n-old\n+new\nno end";
  EXPECT_EQ(Colours().Diff(diff), diff);
  EXPECT_EQ(Colours(true).Diff(diff),
            "\x1b[2m--- a\x1b[0m\n\x1b[2m+++ b\x1b[0m\n\x1b[2m@@ -1 +1 @@\x1b[0m\n same\n"
            "\x1b[31m-old\x1b[0m\n\x1b[32m+new\x1b[0m\nno end");
}

// Standard output is a terminal, as long as this lives.
class OnATerminal {
 public:
  OnATerminal() : before_(dup(STDOUT_FILENO)) {
    EXPECT_EQ(openpty(&ours_, &theirs_, nullptr, nullptr, nullptr), 0);
    fflush(stdout);
    dup2(theirs_, STDOUT_FILENO);
  }
  ~OnATerminal() {
    dup2(before_, STDOUT_FILENO);
    for (const int each : {before_, ours_, theirs_}) close(each);
  }

 private:
  const int before_;
  int ours_ = -1;
  int theirs_ = -1;
};

TEST(ColoursTest, TerminalsHaveThemUnlessSomebodyWantsNone) {
  const char* terminal = getenv("TERM");
  const std::string before = terminal ? terminal : "";
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  {
    const OnATerminal terminal_of_ours;
    EXPECT_TRUE(OutputHasColours());
    setenv("NO_COLOR", "1", 1);
    EXPECT_FALSE(OutputHasColours());
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    EXPECT_FALSE(OutputHasColours());
    setenv("TERM", "xterm", 1);
    const int file = open("/dev/null", O_WRONLY);
    dup2(file, STDOUT_FILENO);
    close(file);
    EXPECT_FALSE(OutputHasColours());
  }
  setenv("TERM", before.c_str(), 1);
}

}  // namespace
}  // namespace skiff::cli
