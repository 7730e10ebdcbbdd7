#include "base/standard_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace skiff {
namespace {

// 0: each standard file, of which none was open, is taken, and fails those who use it.
int UseOfClosedFiles() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(file);
  OpenStandardFiles();
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != -1 || errno != EBADF) return 1;
  if (write(STDOUT_FILENO, "x", 1) != -1 || errno != EBADF) return 2;
  if (write(STDERR_FILENO, "x", 1) != -1 || errno != EBADF) return 3;
  return open("/dev/null", O_RDWR) > STDERR_FILENO ? 0 : 4;
}

TEST(StandardFilesTest, WhatIsPrintedToAClosedFileFails) {
  EXPECT_EXIT(_exit(UseOfClosedFiles()), testing::ExitedWithCode(0), "");
}

TEST(StandardFilesTest, AReaderHasGoneWhereItHasClosedItsEnd) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(IsReaderGone(ends[1]));
  close(ends[0]);
  EXPECT_TRUE(IsReaderGone(ends[1]));
  close(ends[1]);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  EXPECT_FALSE(IsReaderGone(ends[1]));
  close(ends[0]);
  EXPECT_TRUE(IsReaderGone(ends[1]));
  close(ends[1]);
}

}  // namespace
}  // namespace skiff
