#include "kubelet/log_rotation.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "kubelet/cri_fake.h"
#include "kubelet/pod_observed.h"

namespace skiff::kubelet {
namespace {

using Names = std::vector<std::string>;

TEST(RotationPlanTest, OlderLogsArePackedAndTheOldestGo) {
  EXPECT_EQ(PlanRotation("0.log", {"0.log"}, 5), RotationPlan{});
  EXPECT_EQ(PlanRotation("0.log", {"0.log", "0.log.2", "1.log.1"}, 5),
            (RotationPlan{{}, {"0.log.2"}}));
  EXPECT_EQ(PlanRotation("0.log", {"0.log.4", "0.log.3.gz", "0.log.2.gz", "0.log.1.gz"}, 5),
            (RotationPlan{{"0.log.1.gz"}, {"0.log.4"}}));
  EXPECT_EQ(PlanRotation("0.log", {"0.log.1"}, 2), (RotationPlan{{"0.log.1"}, {}}));
}

TEST(RotationPlanTest, WhatACrashLeftIsRemoved) {
  EXPECT_EQ(PlanRotation("0.log", {"0.log.1", "0.log.1.gz", "0.log.2", "0.log.2.tmp"}, 5),
            (RotationPlan{{"0.log.1", "0.log.2.tmp"}, {"0.log.2"}}));
}

class LogRotationTest : public testing::Test {
 protected:
  LogRotationTest() {
    char name[] = "/tmp/skiff-log-rotation-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    root_ = name;
    directory_ = root_ + "/default_web_u1/app";
    std::filesystem::create_directories(directory_);
    cri::SandboxConfig sandbox;
    sandbox.metadata = {"web", "u1", "default", 0};
    const auto sandbox_id = runtime_.RunPodSandbox(sandbox, "");
    cri::ContainerConfig container;
    container.metadata = {"app", 0};
    container.labels = {
        {kPodNameLabel, "web"}, {kPodNamespaceLabel, "default"}, {kPodUidLabel, "u1"}};
    const auto id = runtime_.CreateContainer(*sandbox_id, container, sandbox);
    EXPECT_TRUE(runtime_.StartContainer(*id));
  }
  ~LogRotationTest() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& text) { std::ofstream(directory_ + "/0.log") << text; }
  Names Files() const {
    Names names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::string Unpacked(const std::string& path) {
    gzFile file = gzopen(path.c_str(), "rb");
    std::string text(1000, '\0');
    const int count = gzread(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    text.resize(static_cast<size_t>(std::max(0, count)));
    return text;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  cri::FakeRuntime runtime_{clock_, random_, "10.1.0.0/24"};
  std::string root_, directory_;
};

TEST_F(LogRotationTest, ALongLogIsMovedAsideAndItsPredecessorsPacked) {
  LogRotation rotation({root_, 10, 3, 10s}, runtime_, clock_);
  Write("short");
  rotation.Step();
  EXPECT_EQ(Files(), Names{"0.log"});
  for (int i = 0; i < 4; ++i) {
    Write("a long text, number " + std::to_string(i));
    rotation.Step();
    clock_.Advance(60s);
  }
  const Names files = Files();
  ASSERT_EQ(files.size(), 2u);  // And the one that the runtime makes anew.
  EXPECT_TRUE(files[0].ends_with(".gz"));
  EXPECT_EQ(Unpacked(directory_ + "/" + files[0]), "a long text, number 2");
  EXPECT_FALSE(files[1].ends_with(".gz"));
}

TEST_F(LogRotationTest, WhatIsNoFileBesideALogKeepsNobodyFromRotatingIt) {
  LogRotation rotation({root_, 10, 3, 10s}, runtime_, clock_);
  ASSERT_EQ(mkfifo((directory_ + "/0.log.1").c_str(), 0600), 0);
  Write("a long text, number 0");
  rotation.Step();
  const Names files = Files();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0], "0.log.1");
  EXPECT_TRUE(files[1].starts_with("0.log.20"));
  EXPECT_FALSE(PackFile(directory_ + "/0.log.1"));
}

}  // namespace
}  // namespace skiff::kubelet
