#include "http/file_watch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/mutex.h"

namespace skiff::http {
namespace {

class FileWatchTest : public ::testing::Test {
 protected:
  FileWatchTest() {
    char name[] = "/tmp/skiff-file-watch-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  ~FileWatchTest() override { std::filesystem::remove_all(directory_); }

  void Open(const std::string& path, FileChanges changes) {
    auto opened = FileWatch::Open(loops_, path, changes, [this] {
      MutexLock lock(mutex_);
      ++heard_;
      changed_.notify_all();
    });
    ASSERT_TRUE(opened) << opened.error().message;
    watch_ = std::move(*opened);
  }
  // Whether anything was heard since the last call.
  bool Heard() {
    MutexLock lock(mutex_);
    const bool heard =
        changed_.wait_for(lock, 10s, [this]() REQUIRES(mutex_) { return heard_ > 0; });
    heard_ = 0;
    return heard;
  }

  std::string directory_;
  Mutex mutex_;
  CondVar changed_;
  int heard_ GUARDED_BY(mutex_) = 0;
  Loops loops_;
  std::unique_ptr<FileWatch> watch_;
};

TEST_F(FileWatchTest, AnEntryOfADirectoryThatIsWrittenMovedOrRemovedIsHeard) {
  Open(directory_, FileChanges::kWhole);
  std::ofstream(directory_ + "/a") << "text";
  EXPECT_TRUE(Heard());
  std::filesystem::rename(directory_ + "/a", directory_ + "/b");
  EXPECT_TRUE(Heard());
  std::filesystem::remove(directory_ + "/b");
  EXPECT_TRUE(Heard());
}

TEST_F(FileWatchTest, EachWriteIsHeardWhenAllChangesAreWanted) {
  std::ofstream file(directory_ + "/log");
  file << "one" << std::flush;
  Open(directory_ + "/log", FileChanges::kAll);
  file << "two" << std::flush;
  EXPECT_TRUE(Heard());
  file << "three" << std::flush;
  EXPECT_TRUE(Heard());
}

TEST_F(FileWatchTest, WhatIsNotThereCannotBeWatched) {
  const auto opened = FileWatch::Open(loops_, directory_ + "/none", FileChanges::kWhole, [] {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, Reason::kNotFound);
}

}  // namespace
}  // namespace skiff::http
