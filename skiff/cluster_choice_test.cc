#include "skiff/cluster_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "skiff/up.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ClusterChoiceTest : public testing::Test {
 protected:
  ~ClusterChoiceTest() override { fs::remove_all(directory_); }
  // A kubeconfig of the cluster at that port; returns its path.
  std::string Write(const std::string& name, int port, const std::string& authority = "YQ==") {
    const std::string path = directory_ + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << "{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, "
                           "context: {cluster: c, user: u}}], clusters: [{name: c, cluster: "
                           "{server: 'https://127.0.0.1:"
                        << port << "', certificate-authority-data: " << authority << "}}]}\n";
    return path;
  }
  const std::string directory_ = testing::TempDir() + "/choice-" + std::to_string(getpid());
};

TEST_F(ClusterChoiceTest, TakesTheDirectoryOfTheClusterThatTheVariableNames) {
  const std::string usual = fs::path(Write("usual/admin.kubeconfig", 6443)).parent_path();
  const std::string own = Write("own/admin.kubeconfig", 7443);
  EXPECT_EQ(DataDirOfKubeconfig("", usual), usual);
  EXPECT_EQ(DataDirOfKubeconfig(own, usual), directory_ + "/own");
  EXPECT_EQ(DataDirOfKubeconfig(directory_ + "/none:" + own, usual), directory_ + "/own");
  // A copy elsewhere is of the usual cluster too.
  EXPECT_EQ(DataDirOfKubeconfig(Write("home/config", 6443), usual), usual);
  EXPECT_EQ(DataDirOfKubeconfig(directory_ + "/none", usual), usual);
}

TEST_F(ClusterChoiceTest, RefusesAClusterThatIsKeptElsewhere) {
  const std::string usual = fs::path(Write("usual/admin.kubeconfig", 6443)).parent_path();
  for (const std::string& other : {Write("home/a", 7443), Write("home/b", 6443, "Yg==")}) {
    const auto chosen = DataDirOfKubeconfig(other, usual);
    ASSERT_FALSE(chosen) << other;
    EXPECT_THAT(chosen.error().message, HasSubstr("with --data-dir, or unset KUBECONFIG"));
  }
}

// KUBECONFIG as long as it lives.
class KubeconfigVariable {
 public:
  explicit KubeconfigVariable(const std::string& value) {
    if (const char* before = std::getenv("KUBECONFIG")) before_ = before;
    setenv("KUBECONFIG", value.c_str(), 1);
  }
  ~KubeconfigVariable() {
    before_ ? setenv("KUBECONFIG", before_->c_str(), 1) : unsetenv("KUBECONFIG");
  }

 private:
  std::optional<std::string> before_;
};

// What `skiff image` complains of.
std::string ImageComplaint(const std::vector<std::string>& args) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(ImageMain(args), 1);
  return testing::internal::GetCapturedStderr();
}

TEST_F(ClusterChoiceTest, ImagesAreThoseOfTheClusterThatKubeconfigNames) {
  const std::string own =
      fs::path(Write("own/admin.kubeconfig", 7443)).parent_path().lexically_normal();
  const std::string other =
      fs::path(Write("other/admin.kubeconfig", 8443)).parent_path().lexically_normal();
  const KubeconfigVariable variable(own + "/admin.kubeconfig");
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"ls"}, std::vector<std::string>{"load", "x.tar"}}) {
    EXPECT_THAT(ImageComplaint(args),
                HasSubstr("no node of this machine has its images in " + own + ": "));
  }
  EXPECT_THAT(ImageComplaint({"ls", "--data-dir=" + other}), HasSubstr("in " + other + ": "));
  // Its nodes are none of this machine's containerd either.
  std::ofstream(own + "/cluster.json") << R"({"serviceCidr": "", "simulatedNodes": 3})";
  EXPECT_THAT(ImageComplaint({"ls"}),
              HasSubstr("the nodes of " + own + " are simulated: they have no images"));
}

TEST_F(ClusterChoiceTest, ImagesOfAClusterThatIsKeptElsewhereAreRefused) {
  const KubeconfigVariable variable(Write("home/config", 7443));
  EXPECT_THAT(ImageComplaint({"ls"}), HasSubstr("KUBECONFIG names the cluster at "
                                                "https://127.0.0.1:7443, which is kept neither"));
}

}  // namespace
}  // namespace skiff
