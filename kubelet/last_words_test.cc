#include "kubelet/last_words.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace skiff::kubelet {
namespace {

class LastWordsTest : public testing::Test {
 protected:
  LastWordsTest() {
    char name[] = "/tmp/skiff-words-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    status_.exit_code = 1;
    status_.reason = "Error";
    status_.annotations = {
        {"io.kubernetes.container.terminationMessagePath", "/dev/termination-log"},
        {"io.kubernetes.container.terminationMessagePolicy", "FallbackToLogsOnError"}};
    cri::Mount& mount = status_.mounts.emplace_back();
    mount.container_path = "/dev/termination-log";
    mount.host_path = directory_ + "/words";
    status_.log_path = directory_ + "/0.log";
    std::ofstream(mount.host_path).flush();
  }
  ~LastWordsTest() override { std::filesystem::remove_all(directory_); }
  void Log(const std::string& text, const char* tag = "F") {
    std::ofstream(status_.log_path, std::ios::app)
        << "2026-01-02T03:04:05.000000001Z stdout " << tag << " " << text << "\n";
  }

  std::string directory_;
  cri::ContainerStatus status_;
};

TEST_F(LastWordsTest, AFailureWithoutAWordShowsTheEndOfTheLog) {
  Log("starting");
  Log("DONE", "P");
  EXPECT_EQ(LastWords(status_), "starting\nDONE");
}

TEST_F(LastWordsTest, TheFileComesFirst) {
  Log("starting");
  std::ofstream(directory_ + "/words") << "out of fuel";
  EXPECT_EQ(LastWords(status_), "out of fuel");
}

TEST_F(LastWordsTest, OnlyFailuresFallBackAndOnlyByThatPolicy) {
  Log("starting");
  status_.exit_code = 0;
  EXPECT_EQ(LastWords(status_), "");
  status_.exit_code = 1;
  status_.annotations["io.kubernetes.container.terminationMessagePolicy"] = "File";
  EXPECT_EQ(LastWords(status_), "");
}

TEST_F(LastWordsTest, OnlyARegularFileIsReadAndNobodyWaitsForAnother) {
  const std::string path = status_.mounts.front().host_path;
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  Log("the log's");
  EXPECT_EQ(LastWords(status_), "the log's\n");
  std::filesystem::remove(path);
  std::ofstream(directory_ + "/secret") << "of the node";
  std::filesystem::create_symlink(directory_ + "/secret", path);
  EXPECT_EQ(LastWords(status_), "the log's\n");
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_EQ(LastWords(status_), "the log's\n");
  std::filesystem::remove(status_.log_path);
  ASSERT_EQ(mkfifo(status_.log_path.c_str(), 0600), 0);
  EXPECT_EQ(LastWords(status_), "");
}

TEST_F(LastWordsTest, TheLogIsCutToEightyLinesAndTwoKilobytes) {
  for (int i = 0; i < 200; ++i) Log(std::to_string(i));
  const std::string words = LastWords(status_);
  EXPECT_TRUE(words.starts_with("120\n")) << words;
  EXPECT_TRUE(words.ends_with("199\n"));
  for (int i = 0; i < 80; ++i) Log(std::string(100, 'x'));
  EXPECT_EQ(LastWords(status_).size(), 2048u);
}

}  // namespace
}  // namespace skiff::kubelet
