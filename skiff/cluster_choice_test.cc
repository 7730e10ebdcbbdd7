#include "skiff/cluster_choice.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "api/codec/base64.h"
#include "base/certificates.h"
#include "client/kubeconfig.h"
#include "skiff/daemon.h"
#include "skiff/host_facts.h"
#include "skiff/kubeconfig_entry.h"
#include "skiff/up.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// An authority of that name, in PEM; the same each time.
const std::string& AuthorityCalled(const std::string& name) {
  static std::map<std::string, std::string> made;
  if (!made.contains(name)) {
    made[name] = CertificateAuthority::Create(name, SystemClock().Now())->pem().certificate_pem;
  }
  return made.at(name);
}

class ClusterChoiceTest : public testing::Test {
 protected:
  ~ClusterChoiceTest() override { fs::remove_all(directory_); }
  // A kubeconfig of the cluster at that port; returns its path.
  std::string Write(const std::string& name, int port, const std::string& authority = "one") {
    const std::string path = directory_ + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path)
        << "{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, "
           "context: {cluster: c, user: u}}], clusters: [{name: c, cluster: "
           "{server: 'https://127.0.0.1:"
        << port << "', certificate-authority-data: " << EncodeBase64(AuthorityCalled(authority))
        << "}}]}\n";
    return path;
  }
  const std::string directory_ = testing::TempDir() + "/choice-" + std::to_string(getpid());
};

TEST_F(ClusterChoiceTest, TakesTheDirectoryOfTheClusterThatTheVariableNames) {
  const std::string usual = fs::path(Write("usual/admin.kubeconfig", 6443)).parent_path();
  const std::string own = Write("own/admin.kubeconfig", 7443);
  const auto of = [&](const std::string& variable) {
    const auto chosen = ChooseCluster({.variable = variable}, usual, "skiff down");
    return chosen ? chosen->data_dir : chosen.error().message;
  };
  EXPECT_EQ(of(""), usual);
  EXPECT_EQ(of(own), directory_ + "/own");
  EXPECT_EQ(of(directory_ + "/none:" + own), directory_ + "/own");
  // A copy elsewhere is of the usual cluster too.
  EXPECT_EQ(of(Write("home/config", 6443)), usual);
  EXPECT_EQ(ChooseCluster({.file = own}, usual, "skiff down")->data_dir, directory_ + "/own");
  EXPECT_EQ(ChooseCluster({.variable = own}, usual, "skiff down")->because,
            "KUBECONFIG=" + own + " names it");
}

// Else a mistyped name ends the usual cluster.
TEST_F(ClusterChoiceTest, AFileThatIsNotThereNamesNoCluster) {
  const std::string usual = fs::path(Write("usual/admin.kubeconfig", 6443)).parent_path();
  const std::string none = directory_ + "/none";
  EXPECT_EQ(ChooseCluster({.variable = none}, usual, "skiff down").error().message,
            "KUBECONFIG=" + none +
                " names a file that does not exist: say which cluster is meant "
                "with --data-dir, or unset KUBECONFIG");
  ASSERT_TRUE(WriteClusterMark({.data_dir = usual}));
  EXPECT_EQ(ChooseCluster({.file = none}, usual, "skiff down").error().message,
            "--kubeconfig=" + none +
                " names a file that does not exist: say which cluster is "
                "meant with --data-dir (`skiff down --data-dir=" +
                usual + "` means the one in there)");
  EXPECT_FALSE(ChooseCluster({.variable = none + ":" + none + "2"}, usual, "skiff status"));
  EXPECT_EQ(ChooseCluster({.home = none}, usual, "skiff down")->data_dir, usual)
      << "that one nobody has named";
  // A cluster that was begun has none yet.
  const std::string begun = directory_ + "/begun";
  fs::create_directories(begun);
  ASSERT_TRUE(WriteClusterMark({.data_dir = begun}));
  EXPECT_EQ(ChooseCluster({.variable = begun + "/admin.kubeconfig"}, usual, "skiff down")->data_dir,
            begun);
}

TEST_F(ClusterChoiceTest, AServerMayHaveAnotherAddressButNotAnotherPort) {
  const std::string usual = fs::path(Write("usual/admin.kubeconfig", 6443)).parent_path();
  const std::string copy = directory_ + "/copy";
  std::ofstream(copy) << "{current-context: x, contexts: [{name: x, context: {cluster: c}}], "
                         "clusters: [{name: c, cluster: {server: 'https://localhost:6443/', "
                         "certificate-authority-data: "
                      << EncodeBase64(AuthorityCalled("one")) << "}}]}\n";
  EXPECT_EQ(ChooseCluster({.variable = copy}, usual, "skiff down")->data_dir, usual);
  EXPECT_FALSE(ChooseCluster({.variable = Write("fork", 7443)}, usual, "skiff down"));
}

TEST_F(ClusterChoiceTest, AFileAloneIsACopyWhateverItsNameIs) {
  const std::string usual = fs::path(Write("usual/admin.kubeconfig", 6443)).parent_path();
  const std::string copy = Write("copy/admin.kubeconfig", 6443);
  EXPECT_EQ(ChooseCluster({.variable = copy}, usual, "skiff down")->data_dir, usual);
  std::ofstream(directory_ + "/copy/cluster.json") << R"({"serviceCidr": "", "simulatedNodes": 3})";
  EXPECT_EQ(ChooseCluster({.variable = copy}, usual, "skiff down")->data_dir, directory_ + "/copy");
}

TEST_F(ClusterChoiceTest, RefusesAClusterThatIsKeptElsewhere) {
  const std::string usual = fs::path(Write("usual/admin.kubeconfig", 6443)).parent_path();
  for (const std::string& other : {Write("home/a", 7443), Write("home/b", 6443, "two")}) {
    const auto chosen = ChooseCluster({.variable = other}, usual, "skiff down");
    ASSERT_FALSE(chosen) << other;
    EXPECT_THAT(chosen.error().message, HasSubstr("with --data-dir, or unset KUBECONFIG"));
  }
  std::ofstream(usual + "/cluster.json") << R"({"serviceCidr": "", "simulatedNodes": 3})";
  EXPECT_THAT(
      ChooseCluster({.variable = directory_ + "/home/a"}, usual, "skiff down").error().message,
      HasSubstr("(`skiff down --data-dir=" + usual + "` means the one in there)"));
}

TEST_F(ClusterChoiceTest, WhatIsDamagedIsNamed) {
  const std::string path = directory_ + "/damaged";
  fs::create_directories(directory_);
  std::ofstream(path) << "{current-context: x, contexts: [{name: x, context: {cluster: c}}], "
                         "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:6443', "
                         "certificate-authority-data: YQ==}}]}\n";
  EXPECT_EQ(ChooseCluster({.variable = path}, directory_ + "/usual", "skiff down").error().message,
            "KUBECONFIG=" + path +
                ": certificate-authority-data of cluster \"c\": there is no certificate in it that "
                "can be read");
  fs::create_directories(directory_ + "/.kube");
  fs::rename(path, directory_ + "/.kube/config");
  EXPECT_THAT(
      ChooseCluster({.context = "x", .home = directory_}, directory_ + "/usual", "skiff down")
          .error()
          .message,
      StartsWith("~/.kube/config: certificate-authority-data of cluster \"c\": "));
}

// Makes `path` a file of several clusters, of which the current one, at `port`, was merged from
// `data_dir`.
void WriteMerged(const std::string& path, int port, const std::string& data_dir) {
  Kubeconfig merged;
  merged.clusters["skiff-dev"] = {.server = fmt::format("https://127.0.0.1:{}", port),
                                  .certificate_authority_data = AuthorityCalled("one")};
  merged.contexts["mine"] = {.cluster = "skiff-dev"};
  merged.current_context = "mine";
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << "clusters: [{name: work, cluster: {server: 'https://10.0.0.1:6443'}}]\n"
                         "contexts: [{name: work, context: {cluster: work}}]\n";
  ASSERT_TRUE(PutIntoKubeconfigFile(path, merged, data_dir));
}

TEST_F(ClusterChoiceTest, FollowsWhatWasMergedIntoTheFileAtHome) {
  const std::string usual = fs::path(Write("usual/admin.kubeconfig", 6443)).parent_path();
  const std::string dev = fs::path(Write("dev/admin.kubeconfig", 7443)).parent_path();
  const std::string config = directory_ + "/.kube/config";
  WriteMerged(config, 7443, dev);
  const KubeconfigWords words{.home = directory_};
  EXPECT_EQ(ChooseCluster(words, usual, "skiff down")->data_dir, dev);
  EXPECT_EQ(ChooseCluster(words, usual, "skiff down")->because, "~/.kube/config names it");
  // What the file says of directories is believed of no other cluster.
  WriteMerged(config, 8443, dev);
  EXPECT_EQ(ChooseCluster(words, usual, "skiff down")->data_dir, usual);
  EXPECT_EQ(
      ChooseCluster({.context = "work", .home = directory_}, usual, "skiff down").error().reason,
      Reason::kNotFound);
  EXPECT_EQ(
      ChooseCluster({.context = "none", .home = directory_}, usual, "skiff down").error().message,
      "context was not found for specified context: none");
  std::ofstream(config) << "a: [";
  EXPECT_EQ(ChooseCluster(words, usual, "skiff down")->data_dir, usual);
}

TEST_F(ClusterChoiceTest, OfTwoThatAreTheSameTheOneThatRunsIsMeant) {
  const std::string usual = fs::path(Write("usual/admin.kubeconfig", 6443)).parent_path();
  const std::string restored = fs::path(Write("restored/admin.kubeconfig", 6443)).parent_path();
  const std::string config = directory_ + "/config";
  WriteMerged(config, 6443, restored);
  const auto chosen = [&] { return ChooseCluster({.variable = config}, usual, "skiff down"); };
  EXPECT_EQ(chosen()->data_dir, usual);
  const auto lock = DataDirLock::Take(restored);
  ASSERT_TRUE(lock);
  EXPECT_EQ(chosen()->data_dir, restored);
}

// A variable of the environment that has a value as long as this lives.
class SetVariable {
 public:
  SetVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~SetVariable() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }

 private:
  const char* const name_;
  std::optional<std::string> before_;
};
struct KubeconfigVariable : SetVariable {
  explicit KubeconfigVariable(const std::string& value) : SetVariable("KUBECONFIG", value) {}
};
struct HomeVariable : SetVariable {
  explicit HomeVariable(const std::string& value) : SetVariable("HOME", value) {}
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

TEST_F(ClusterChoiceTest, WhatIsProposedNamesTheUsualOneWhereAnotherIsMeant) {
  const HomeVariable home(directory_);
  const std::string usual = DefaultDataDir();
  const std::string other = fs::path(Write("other/admin.kubeconfig", 7443)).parent_path();
  {
    const KubeconfigVariable none("");
    EXPECT_EQ(DataDirWords(usual), "");
    EXPECT_FALSE(DoVerbsMean(other));
    EXPECT_TRUE(DoVerbsMean(usual));
    // One of another machine is asked by kubectl's verbs, and meant by nothing else.
    const std::string config = Write(".kube/config", 8443);
    EXPECT_EQ(DataDirWords(usual), "");
    EXPECT_FALSE(DoVerbsMean(usual));
    WriteMerged(config, 7443, other);
    EXPECT_EQ(DataDirWords(usual), " --data-dir=" + usual);
    EXPECT_TRUE(DoVerbsMean(other));
  }
  const KubeconfigVariable variable(other + "/admin.kubeconfig");
  EXPECT_EQ(DataDirWords(usual), " --data-dir=" + usual);
  EXPECT_TRUE(DoVerbsMean(other));
  EXPECT_FALSE(DoVerbsMean(usual));
}

TEST_F(ClusterChoiceTest, AStoppedClusterThatIsAskedTellsHowItIsStarted) {
  const HomeVariable home(directory_);
  const std::string own =
      fs::path(Write("own/admin.kubeconfig", 7443)).parent_path().lexically_normal();
  ASSERT_TRUE(WriteClusterMark({.data_dir = own, .start_flags = {"--nodes=3"}}));
  const std::string says = "The cluster of " + own +
                           " does not run: `skiff up --nodes=3 "
                           "--data-dir=" +
                           own + "` starts it.";
  EXPECT_EQ(HowToStart(own + "/admin.kubeconfig", ""), says);
  const KubeconfigVariable variable(own + "/admin.kubeconfig");
  EXPECT_EQ(HowToStart("", ""), says);
  EXPECT_EQ(HowToStart(Write("home/config", 8443), ""), "") << "that is another one";
  EXPECT_EQ(HowToStart("", "nobody"), "");
  const auto lock = DataDirLock::Take(own);
  ASSERT_TRUE(lock);
  EXPECT_EQ(HowToStart("", ""), "") << "it runs";
}

// What `skiff down` complains of.
std::string DownComplaint(const std::vector<std::string>& args) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(DownMain(args), 1);
  return testing::internal::GetCapturedStderr();
}

TEST_F(ClusterChoiceTest, DownEndsTheClusterThatKubeconfigNamesAndSaysWhich) {
  const HomeVariable home(directory_);
  const std::string own =
      fs::path(Write("own/admin.kubeconfig", 7443)).parent_path().lexically_normal();
  std::ofstream(own + "/cluster.json") << R"({"serviceCidr": "", "simulatedNodes": 3})";
  {
    const KubeconfigVariable elsewhere(Write("home/config", 8443));
    EXPECT_THAT(DownComplaint({}), HasSubstr("KUBECONFIG names the cluster at "
                                             "https://127.0.0.1:8443, which is kept neither"));
  }
  const KubeconfigVariable variable(own + "/admin.kubeconfig");
  testing::internal::CaptureStdout();
  EXPECT_EQ(DownMain({}), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              AllOf(HasSubstr("ending the cluster of " + own + ": KUBECONFIG=" + own +
                              "/admin.kubeconfig names it\n"),
                    HasSubstr("Nothing of the cluster of " + own + " is left.\n")));
  EXPECT_FALSE(fs::exists(own));
}

TEST_F(ClusterChoiceTest, UpStartsNoStoppedClusterByOtherFlagsThanItsOwn) {
  const HomeVariable home(directory_);
  const std::string own =
      fs::path(Write("own/admin.kubeconfig", 7443)).parent_path().lexically_normal();
  ASSERT_TRUE(WriteClusterMark(
      {.data_dir = own, .simulated_nodes = 3, .start_flags = {"--nodes=3", "--secure-port=7443"}}));
  const KubeconfigVariable variable(own + "/admin.kubeconfig");
  testing::internal::CaptureStderr();
  EXPECT_EQ(UpMain({"--nodes=2"}), 1);
  EXPECT_EQ(
      testing::internal::GetCapturedStderr(),
      fmt::format("error: the cluster of {0} does not run, and KUBECONFIG={0}/admin.kubeconfig "
                  "names it: `skiff up --nodes=3 --secure-port=7443 --data-dir={0}` starts it "
                  "again; with --data-dir={1} another one is made\n",
                  own, DefaultDataDir()));
}

TEST_F(ClusterChoiceTest, AClusterInDockerIsEndedByItsNameAlone) {
  const HomeVariable home(directory_);
  const std::string dev = Write(".local/share/skiff/docker/dev.kubeconfig", 7443);
  const KubeconfigVariable variable(dev);
  EXPECT_THAT(DownComplaint({}), HasSubstr("KUBECONFIG names the cluster \"dev\" in Docker: skiff "
                                           "down --docker --name=dev\n"));
  EXPECT_THAT(DownComplaint({"--docker"}),
              HasSubstr("KUBECONFIG names the cluster \"dev\" in Docker, and no --name says that "
                        "\"skiff\" is meant: --name=dev, or --name=skiff\n"));
  const KubeconfigVariable gone(directory_ + "/gone");
  EXPECT_THAT(DownComplaint({"--docker"}), HasSubstr("KUBECONFIG names " + directory_ +
                                                     "/gone, which does not exist, and no "
                                                     "--name says that \"skiff\" is meant"));
  EXPECT_THAT(DownComplaint({}), HasSubstr("names a file that does not exist"));
}

TEST_F(ClusterChoiceTest, WhoHasStartedAClusterHearsOfAKubeconfigThatIsNotThere) {
  const HomeVariable home(directory_);
  const std::string missing = directory_ + "/missing";
  {
    const KubeconfigVariable variable(missing + ":" + missing + "-too");
    EXPECT_EQ(NoteOfMissingKubeconfig(),
              "(KUBECONFIG names " + missing +
                  ", which does not exist; nothing is written there, and kubectl and skiff's verbs "
                  "find no cluster by it until that line is typed.)\n");
  }
  const KubeconfigVariable variable(missing + ":" + Write("own/admin.kubeconfig", 7443));
  EXPECT_EQ(NoteOfMissingKubeconfig(), "") << "one of them is there";
}

}  // namespace
}  // namespace skiff
