#include "http/followed_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "http/loop.h"

namespace skiff::http {
namespace {

class FollowedFilesTest : public testing::Test {
 protected:
  FollowedFilesTest() {
    directory_ = testing::TempDir() + "/followed." + std::to_string(getpid());
    std::filesystem::create_directories(directory_);
    Write("tls.crt", "one");
    Write("tls.key", "one");
    files_ = std::make_unique<FollowedFiles>(
        loops_, std::vector<std::string>{directory_ + "/tls.crt", directory_ + "/tls.key"},
        [this](const std::vector<std::string>& texts) { return Take(texts); });
    executor_.Add(*files_);
  }
  ~FollowedFilesTest() override {
    executor_.Remove(*files_);
    files_ = nullptr;
    std::filesystem::remove_all(directory_);
  }

  void Write(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }
  // Takes only what belongs together.
  Result<> Take(const std::vector<std::string>& texts) {
    const std::lock_guard lock(mutex_);
    if (texts[0] != texts[1]) return Fail(Reason::kBadRequest, "not a pair");
    taken_.push_back(texts[0]);
    changed_.notify_all();
    return {};
  }
  std::vector<std::string> Await(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return taken_.size() >= count; });
    return taken_;
  }

  Loops loops_{1};
  ThreadExecutor executor_{"files", 1};
  std::string directory_;
  std::unique_ptr<FollowedFiles> files_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> taken_;
};

TEST_F(FollowedFilesTest, WhatIsPutInPlaceIsTakenOnceItIsWhole) {
  EXPECT_EQ(Await(1), std::vector<std::string>{"one"});
  Write("tls.crt", "two");
  Write("tls.key", "two");
  EXPECT_EQ(Await(2), (std::vector<std::string>{"one", "two"}));
  Write("other", "x");
  Write("tls.key", "three");
  Write("tls.crt", "three");
  EXPECT_EQ(Await(3), (std::vector<std::string>{"one", "two", "three"}));
}

}  // namespace
}  // namespace skiff::http
