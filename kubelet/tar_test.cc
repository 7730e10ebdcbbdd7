#include "kubelet/tar.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>

#include "base/process.h"

namespace skiff {
namespace {

// A file in memory that holds `bytes`.
int FileOf(const std::string& bytes) {
  const int file = memfd_create("tar", MFD_CLOEXEC);
  EXPECT_EQ(write(file, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return file;
}

Result<std::vector<TarEntry>> Index(const std::string& bytes) {
  const int file = FileOf(bytes);
  auto index = ReadTarIndex(file);
  close(file);
  return index;
}

std::string LongPath() {
  return std::string(90, 'd') + "/" + std::string(95, 'f');
}

std::string Sample() {
  TarWriter tar;
  tar.AddFolder("bin", 0755);
  tar.AddFile("bin/hello", 0750, "hello\n");
  tar.AddSymlink("bin/hi", "hello");
  tar.AddHardLink("bin/hey", "bin/hello");
  tar.AddFile(LongPath(), 0600, std::string(1000, 'x'));
  return tar.Finish();
}

TEST(TarTest, WhatIsWrittenIsRead) {
  const std::string bytes = Sample();
  const auto index = Index(bytes);
  ASSERT_TRUE(index) << index.error().message;
  ASSERT_EQ(index->size(), 5u);
  EXPECT_EQ((*index)[0].path, "bin");
  EXPECT_EQ((*index)[0].type, TarEntry::Type::kFolder);
  EXPECT_EQ(bytes.substr((*index)[1].offset, (*index)[1].size), "hello\n");
  EXPECT_EQ((*index)[2].link, "hello");
  EXPECT_EQ((*index)[3].type, TarEntry::Type::kHardLink);
  EXPECT_EQ((*index)[4].path, LongPath());
  EXPECT_EQ((*index)[4].size, 1000u);
  EXPECT_EQ(Sample(), bytes) << "the same input gives the same bytes";
}

TEST(TarTest, TarItselfReadsWhatIsWritten) {
  const auto listed = RunChecked({.argv = {"tar", "tvf", "-"}, .stdin_text = Sample()});
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_THAT(*listed, testing::HasSubstr("-rwxr-x--- 0/0               6"));
  EXPECT_THAT(*listed, testing::HasSubstr("bin/hi -> hello"));
  EXPECT_THAT(*listed, testing::HasSubstr("bin/hey link to bin/hello"));
  EXPECT_THAT(*listed, testing::HasSubstr(LongPath()));
}

TEST(TarTest, LongNamesOfBothKindsAreRead) {
  const std::string folder = testing::TempDir() + "/skiff_tar_test_" + std::to_string(getpid());
  const std::string name = std::string(200, 'n');
  ASSERT_TRUE(RunChecked({.argv = {"mkdir", "-p", folder + "/" + name}}));
  ASSERT_TRUE(RunChecked({.argv = {"ln", "-s", name, folder + "/" + name + "/" + name}}));
  for (const char* format : {"--format=gnu", "--format=pax"}) {
    const auto bytes = RunChecked({.argv = {"tar", format, "-C", folder, "-cf", "-", "."}});
    ASSERT_TRUE(bytes) << bytes.error().message;
    const auto index = Index(*bytes);
    ASSERT_TRUE(index) << index.error().message;
    ASSERT_EQ(index->size(), 3u) << format;
    EXPECT_EQ((*index)[2].path, name + "/" + name) << format;
    EXPECT_EQ((*index)[2].link, name) << format;
  }
  ASSERT_TRUE(RunChecked({.argv = {"rm", "-r", folder}}));
}

TEST(TarTest, RefusesWhatIsNoArchiveAndSaysWhenItIsCompressed) {
  EXPECT_EQ(Index("").error().message, "not a tar archive: the file is too short");
  EXPECT_EQ(Index(std::string(1024, 'x')).error().message, "not a tar archive, or a damaged one");
  std::string gzip = std::string("\x1f\x8b") + std::string(1024, 'x');
  EXPECT_EQ(Index(gzip).error().message, "the archive is compressed: run gunzip on it first");
  std::string damaged = Sample();
  damaged[3] ^= 1;
  EXPECT_EQ(Index(damaged).error().reason, Reason::kBadRequest);
}

// A header of pax's that says of itself to be that long.
std::string GlobalHeader(uint64_t size) {
  TarWriter tar;
  tar.AddFile("g", 0600, "");
  std::string header = tar.Finish().substr(0, 512);
  constexpr size_t kSizeAt = 124, kSizeBytes = 12, kSumAt = 148, kSumBytes = 8, kTypeAt = 156;
  header[kTypeAt] = 'g';
  header[kSizeAt] = '\x80';
  for (size_t i = 1; i < kSizeBytes; ++i, size >>= 8) {
    header[kSizeAt + kSizeBytes - i] = static_cast<char>(size & 0xff);
  }
  header.replace(kSumAt, kSumBytes, kSumBytes, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(&header[kSumAt], kSumBytes, "%06o", sum & 0777777U);
  header[kSumAt + kSumBytes - 1] = ' ';
  return header;
}

TEST(TarTest, NoSizeLeadsBackToWhatWasRead) {
  EXPECT_EQ(Index(GlobalHeader(0) + Sample())->size(), Index(Sample())->size());
  const auto looped = Index(GlobalHeader(0) + GlobalHeader(uint64_t{0} - 1024) + Sample());
  ASSERT_FALSE(looped);
  EXPECT_EQ(looped.error().message, "not a tar archive, or a damaged one");
}

}  // namespace
}  // namespace skiff
