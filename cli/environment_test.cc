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

std::string FaultOn(int file) {
  const SystemClock clock;
  const Environment environment = SystemEnvironment(clock);
  const StandardOutput output(file);
  environment.out("half of an answer\n");
  environment.out("and the rest\n");
  return environment.output_fault();
}

TEST(EnvironmentTest, OutputThatCannotBeWrittenIsAFault) {
  EXPECT_EQ(FaultOn(open("/dev/full", O_WRONLY)), "write /dev/stdout: no space left on device");
  EXPECT_EQ(FaultOn(open("/dev/null", O_WRONLY)), "");
}

TEST(EnvironmentTest, AReaderThatHasLeftIsNone) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(FaultOn(ends[1]), "");
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace skiff::cli
