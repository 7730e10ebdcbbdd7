#include "e2e/simulation/file_laws.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "e2e/simulation/simulated_disk.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FileLawsTest : public testing::Test {
 protected:
  FileLawsTest() {
    container_.id = "c1";
    for (const char* each : {"/news", "/about"}) {
      container_.mounts.push_back({.container_path = each, .host_path = disk_.root() + each});
    }
    container_.mounts.push_back({.container_path = "/part", .host_path = disk_.root() + "/part"});
    Write("/about/name", "reader-1");
    Write("/about/word", "hush");
    Write("/part", "1");
    Show("1");
    Say("1");
  }
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = disk_.root() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void Show(const std::string& text) {
    Write("/news/first", text);
    Write("/news/second", text);
  }
  void Say(const std::string& text) {
    core_v1::ConfigMap news;
    news.metadata.name = "news";
    news.data = {{"first", text}, {"second", text}};
    laws_.TakeConfigMap(news);
  }
  void Look(std::optional<Duration> connected_since = 0s) {
    file_laws_.Look(container_, "reader-1", connected_since);
  }

  FakeClock clock_;
  SimulatedDisk disk_;
  std::vector<std::string> complaints_;
  Laws laws_{{[this](std::string text) { complaints_.push_back(std::move(text)); }, clock_,
              [](const auto&) { return false; }, [](const auto&) { return false; }}};
  FileLaws file_laws_{clock_, laws_};
  cri::ContainerStatus container_;
};

TEST_F(FileLawsTest, WhatIsOldIsSeenOnlyForAWhile) {
  clock_.Advance(1min);
  Say("2");
  clock_.Advance(4min);
  Look();
  EXPECT_THAT(complaints_, IsEmpty());
  clock_.Advance(5min);
  Look(std::nullopt);
  Look(clock_.Monotonic() - 1min);
  EXPECT_THAT(complaints_, IsEmpty()) << "its kubelet was away";
  Look();
  EXPECT_THAT(complaints_, ElementsAre("pod reader-1 sees \"1\", though its ConfigMap says \"2\" "
                                       "since 540 s"));
}

TEST_F(FileLawsTest, AllOfAConfigMapIsSeenAtOnce) {
  Say("2");
  Write("/news/second", "2");
  Look();
  EXPECT_THAT(complaints_, ElementsAre("pod reader-1 sees \"1\" and \"2\" of one ConfigMap"));
}

TEST_F(FileLawsTest, WhatAConfigMapNeverSaidIsNotSeen) {
  Show("3");
  Look();
  EXPECT_THAT(complaints_, ElementsAre("pod reader-1 sees \"3\" and \"3\" of one ConfigMap"));
}

TEST_F(FileLawsTest, APartThatIsMountedByItselfStaysAsItIs) {
  Look();
  Write("/part", "2");
  Look();
  EXPECT_THAT(complaints_,
              ElementsAre("a part of a volume of pod reader-1 was \"1\" and is \"2\""));
  container_.id = "c2";
  Look();
  EXPECT_EQ(complaints_.size(), 1u) << "another container may see what is new";
}

TEST_F(FileLawsTest, FilesAreThereForAsLongAsAContainerRuns) {
  std::filesystem::remove_all(disk_.root() + "/about");
  Look();
  EXPECT_THAT(complaints_, ElementsAre("pod reader-1 has no file that tells its name",
                                       "pod reader-1 has no file that tells its secret"));
}

}  // namespace
}  // namespace skiff
