#include "cli/environment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace skiff::cli {
namespace {

// Whatever is printed while it lives goes to that file.
class StandardOutput {
 public:
  explicit StandardOutput(int file) : before_(dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    dup2(file, STDOUT_FILENO);
    close(file);
  }
  ~StandardOutput() {
    std::fflush(stdout);
    dup2(before_, STDOUT_FILENO);
    close(before_);
    std::clearerr(stdout);
  }

 private:
  const int before_;
};

struct Written {
  std::string fault;
  bool is_lost = false;
  bool has_left = false;
};
Written WriteOn(int file) {
  const SystemClock clock;
  const Environment environment = SystemEnvironment(clock);
  const StandardOutput output(file);
  environment.out("half of an answer\n");
  environment.out("and the rest\n");
  return {.fault = environment.output_fault(),
          .is_lost = environment.is_output_lost(),
          .has_left = environment.HasReaderLeft()};
}

TEST(EnvironmentTest, OutputThatCannotBeWrittenIsAFault) {
  const Written full = WriteOn(open("/dev/full", O_WRONLY));
  EXPECT_EQ(full.fault, "write /dev/stdout: no space left on device");
  EXPECT_TRUE(full.is_lost);
  EXPECT_FALSE(full.has_left);
  const Written null = WriteOn(open("/dev/null", O_WRONLY));
  EXPECT_EQ(null.fault, "");
  EXPECT_FALSE(null.is_lost);
}

// Who would write on and on ends all the same.
TEST(EnvironmentTest, AReaderThatHasLeftIsNone) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  const Written written = WriteOn(ends[1]);
  EXPECT_EQ(written.fault, "");
  EXPECT_TRUE(written.is_lost);
  EXPECT_TRUE(written.has_left);
  std::signal(SIGPIPE, before);
}

// Standard output may be a full disk where errors go to a pipe.
TEST(EnvironmentTest, AReaderLeavesAlsoAfterADiskWasFull) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  const SystemClock clock;
  const Environment environment = SystemEnvironment(clock);
  {
    const StandardOutput full(open("/dev/full", O_WRONLY));
    environment.out("half of an answer\n");
  }
  EXPECT_FALSE(environment.HasReaderLeft());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  {
    const StandardOutput left(ends[1]);
    environment.out("and the rest\n");
  }
  EXPECT_EQ(environment.output_fault(), "write /dev/stdout: no space left on device");
  EXPECT_TRUE(environment.HasReaderLeft());
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace skiff::cli
