// The images built from e2e/images, run in a pod: what demonstrations and manifests rely on.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/source_root.h"
#include "kubelet/containerd_test_host.h"

namespace skiff {
namespace {

using testing::HasSubstr;

class SmallImagesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { host_ = std::make_unique<ContainerdTestHost>(3); }
  static void TearDownTestSuite() { host_.reset(); }
  void SetUp() override {
    if (!host_->skip_reason.empty()) GTEST_SKIP() << host_->skip_reason;
    ASSERT_TRUE(host_->runtime) << "containerd did not start";
  }

  // Imports images/<name>.tar of the build folder.
  static void Load(const std::string& name) {
    const std::string path = std::string(kBuildRoot) + "/images/" + name + ".tar";
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(file, 0) << path;
    const auto images = cri::ImportImages(host_->containerd.endpoint, *host_->runtime, file);
    close(file);
    ASSERT_TRUE(images) << images.error().message;
  }

  std::string Start(const std::string& name, const std::string& image,
                    const std::vector<std::string>& command) {
    const auto id = host_->runtime->CreateContainer(sandbox_,
                                                    {.metadata = {.name = name},
                                                     .image = {.image = image},
                                                     .command = command,
                                                     .envs = {{"GREETING", "hello"}}},
                                                    pod_);
    EXPECT_TRUE(id) << id.error().message;
    const auto started = host_->runtime->StartContainer(id.value_or(""));
    EXPECT_TRUE(started) << started.error().message;
    return id.value_or("");
  }

  // What the client of `container` gets, fetched until the server answers.
  std::string Fetch(const std::string& container, const std::string& path) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      const auto fetched = host_->runtime->ExecSync(
          container, {"client", "http://127.0.0.1" + path, "--timeout", "10"}, 60s);
      EXPECT_TRUE(fetched) << fetched.error().message;
      if (!fetched) return "";
      if (fetched->exit_code != 2) return fetched->stdout_text;
    }
    return "no answer";
  }

  static std::unique_ptr<ContainerdTestHost> host_;
  cri::SandboxConfig pod_;
  std::string sandbox_;
};

std::unique_ptr<ContainerdTestHost> SmallImagesTest::host_;

TEST_F(SmallImagesTest, TheWebServersServeTheirPictureAndStopWhenAsked) {
  for (const char* image : {"nautilus", "kitten", "client", "busybox", "pause"}) Load(image);
  pod_ = {.metadata = {.name = "web", .uid = "web"},
          .hostname = "web-1",
          .cgroup_parent = host_->Cgroup()};
  sandbox_ = host_->runtime->RunPodSandbox(pod_, "").value_or("");
  const std::string shell = Start("shell", "busybox", {"sleep", "1000"});
  for (const std::string name : {"nautilus", "kitten"}) {
    const std::string server = Start(name, "skiff.local/" + name + ":1.0", {});
    EXPECT_EQ(Fetch(shell, "/data.json"), "{\n  \"image\": \"" + name + ".jpg\"\n}\n");
    EXPECT_EQ(Fetch(shell, "/hostname"), "web-1\n");
    EXPECT_THAT(Fetch(shell, "/env"), HasSubstr("GREETING=hello\n"));
    EXPECT_EQ(Fetch(shell, "/healthz"), "ok\n");
    EXPECT_THAT(Fetch(shell, "/"), HasSubstr("<img src=\"/" + name + ".jpg\""));
    std::ifstream picture(std::string(kSourceRoot) + "/e2e/images/" + name + ".jpg");
    EXPECT_EQ(Fetch(shell, "/" + name + ".jpg"),
              std::string(std::istreambuf_iterator<char>(picture), {}));
    EXPECT_EQ(Fetch(shell, "/none"), "not found\n");
    ASSERT_TRUE(host_->runtime->StopContainer(server, 60s));
    const auto status = host_->runtime->ContainerStatus(server);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->exit_code, 0);
    EXPECT_EQ(status->reason, "Completed");
  }
  // busybox is whole: all applets by their names.
  const auto applets =
      host_->runtime->ExecSync(shell, {"sh", "-c", "id -u; test -x /usr/bin/nslookup"}, 60s);
  ASSERT_TRUE(applets) << applets.error().message;
  EXPECT_EQ(applets->stdout_text, "0\n");
  EXPECT_EQ(applets->exit_code, 0);
}

}  // namespace
}  // namespace skiff
