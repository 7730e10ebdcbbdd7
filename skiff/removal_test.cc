#include "skiff/removal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/capabilities.h"
#include "kubelet/containerd_paths.h"
#include "skiff/cluster.h"
#include "skiff/daemon.h"
#include "skiff/doctor.h"
#include "skiff/host_facts.h"
#include "skiff/join.h"
#include "skiff/machine_network.h"
#include "skiff/up.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RemovalTest : public testing::Test {
 protected:
  RemovalTest() { std::filesystem::create_directories(root_); }
  ~RemovalTest() override { std::filesystem::remove_all(root_); }
  // A directory in which a cluster was started.
  std::string ClusterAt(const std::string& name, int simulated_nodes = 0) {
    ClusterOptions options;
    options.data_dir = root_ + "/" + name;
    options.simulated_nodes = simulated_nodes;
    std::filesystem::create_directories(options.data_dir);
    EXPECT_TRUE(WriteClusterMark(options));
    return options.data_dir;
  }
  static Result<Removal> Of(const std::string& directory) {
    return RemovalOf(directory, ReadDataDir(directory));
  }
  static Result<> Remove(const std::string& directory) {
    ClusterOptions options;
    options.data_dir = directory;
    return RemoveCluster(options, [](const std::string&) {});
  }
  const std::string root_ = testing::TempDir() + "/skiff-removal-" + std::to_string(getpid());
};

TEST_F(RemovalTest, OnlyACluster) {
  EXPECT_THAT(Of(root_ + "/none").error().message, HasSubstr("does not exist"));
  std::filesystem::create_directories(root_ + "/empty");
  EXPECT_THAT(Of(root_ + "/empty").error().message, HasSubstr("is empty"));
  std::filesystem::create_directories(root_ + "/home");
  std::ofstream(root_ + "/home/letter.txt") << "dear";
  EXPECT_THAT(Of(root_ + "/home").error().message, HasSubstr("nothing was touched"));
  EXPECT_FALSE(Remove(root_ + "/home"));
  EXPECT_TRUE(std::filesystem::exists(root_ + "/home/letter.txt"));
}

TEST_F(RemovalTest, ADirectoryOfAnotherProgramIsNoCluster) {
  const std::string project = root_ + "/project";
  for (const char* folder : {"/store", "/pki", "/manifests"}) {
    std::filesystem::create_directories(project + folder);
  }
  const std::string kept[] = {project + "/store/index.js", project + "/kubelet.conf"};
  for (const std::string& file : kept) std::ofstream(file) << "mine";
  EXPECT_THAT(Of(project).error().message, HasSubstr("nothing was touched"));
  std::ofstream(project + "/cluster.json") << R"({"serviceCidr": 5})";
  EXPECT_THAT(Of(project).error().message, HasSubstr("nothing was touched"));
  EXPECT_FALSE(Remove(project));
  for (const std::string& file : kept) EXPECT_TRUE(std::filesystem::exists(file)) << file;
  EXPECT_THAT(Of(kept[0]).error().message, HasSubstr("is no directory"));
}

TEST_F(RemovalTest, WhatOthersPutBesideAClusterStays) {
  const std::string directory = ClusterAt("mixed", 3);
  std::ofstream(directory + "/letter.txt") << "dear";
  std::ofstream(directory + "/cluster.json.new") << "{";
  EXPECT_TRUE(Remove(directory));
  EXPECT_TRUE(std::filesystem::exists(directory + "/letter.txt"));
  EXPECT_FALSE(std::filesystem::exists(directory + "/cluster.json.new"));
  EXPECT_FALSE(HasClusterMark(directory));
}

TEST_F(RemovalTest, WhatCannotBeRemovedIsNamedAndMayBeTriedAgain) {
  if (!HasCapability(Capability::kSysAdmin)) GTEST_SKIP() << "only root may mount";
  const std::string directory = ClusterAt("busy", 3);
  std::ofstream(directory + "/skiff.log") << "started";
  const std::string mounted = directory + "/local-path";
  std::filesystem::create_directories(mounted);
  if (mount("tmpfs", mounted.c_str(), "tmpfs", 0, "") != 0) GTEST_SKIP() << "no mounts here";
  const auto removed = Remove(directory);
  ASSERT_EQ(umount(mounted.c_str()), 0);
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error().message, HasSubstr("remove " + mounted));
  EXPECT_TRUE(Remove(directory));
  EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST_F(RemovalTest, ACopyDoesNotNameTheDaemonOfTheOtherDirectory) {
  const std::string directory = ClusterAt("original", 3);
  const auto lock = DataDirLock::TakeAsDaemon(directory);
  ASSERT_TRUE(lock);
  ASSERT_TRUE(DaemonOf(directory));
  EXPECT_EQ(DaemonOf(directory)->pid, getpid());
  const std::string copy = root_ + "/copy";
  std::filesystem::copy(directory, copy, std::filesystem::copy_options::recursive);
  EXPECT_FALSE(DaemonOf(copy));
}

TEST_F(RemovalTest, TheNodeGoesWithAClusterThatRanOneAndWithNoOther) {
  EXPECT_TRUE(Of(ClusterAt("real"))->node);
  EXPECT_FALSE(Of(ClusterAt("simulated", 3))->node);
  std::filesystem::create_directories(root_ + "/failed");
  std::ofstream(root_ + "/failed/skiff.log") << "it did not start";
  const auto failed = Of(root_ + "/failed");
  ASSERT_TRUE(failed);
  EXPECT_TRUE(failed->files);
  EXPECT_FALSE(failed->node);
}

TEST_F(RemovalTest, AContainerdThatNoNodeNeedsIsEndedWithItsDirectory) {
  const std::string directory = ClusterAt("simulated", 3);
  EXPECT_FALSE(Of(directory)->containerd);
  std::filesystem::create_directories(directory + "/containerd");
  std::ofstream(ContainerdPaths(directory).ConfigFile()) << "version = 2\n";
  EXPECT_TRUE(Of(directory)->containerd);
  EXPECT_FALSE(Of(directory)->node) << "it has no network";
}

TEST_F(RemovalTest, ImagesAreAskedForOnlyWhereANodeHasSome) {
  const auto refused = [&](std::vector<std::string> args, const std::string& name) {
    args.push_back("--data-dir=" + root_ + "/" + name);
    testing::internal::CaptureStderr();
    const int code = ImageMain(args);
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_FALSE(std::filesystem::exists(root_ + "/" + name + "/containerd")) << name;
    return code == 1 ? said : "";
  };
  ClusterAt("simulated", 3);
  EXPECT_THAT(refused({"ls"}, "simulated"), HasSubstr("are simulated: they have no images"));
  EXPECT_THAT(refused({"ls"}, "none"), HasSubstr("`skiff up` first"));
  EXPECT_THAT(refused({"load", "/x.tar"}, "none"), HasSubstr("`skiff up` first"));
  EXPECT_THAT(refused({"load"}, "none"), HasSubstr("which image is to be loaded?"));
}

TEST_F(RemovalTest, ASecondTimeThereIsNothingToRemove) {
  const std::string directory = ClusterAt("simulated", 3);
  EXPECT_TRUE(Remove(directory));
  EXPECT_FALSE(std::filesystem::exists(directory));
  EXPECT_EQ(Remove(directory).error().reason, Reason::kNotFound);
}

TEST_F(RemovalTest, DownSaysThatThereIsNothingAndFails) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(DownMain({"--data-dir=" + root_ + "/none"}), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("/none does not exist: there is no cluster to take down; nothing was "
                        "touched"));
  const std::string directory = ClusterAt("simulated", 3);
  EXPECT_EQ(DownMain({"--data-dir=" + directory}), 0);
  testing::internal::CaptureStderr();
  EXPECT_EQ(DownMain({"--data-dir=" + directory}), 1) << "once more";
  testing::internal::GetCapturedStderr();
}

TEST_F(RemovalTest, ACommandThatRunsInTheForegroundKeepsItsDirectory) {
  const std::string directory = ClusterAt("attached", 3);
  const auto lock = DataDirLock::Take(directory);
  ASSERT_TRUE(lock);
  testing::internal::CaptureStderr();
  EXPECT_EQ(DownMain({"--data-dir=" + directory}), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("end it first"));
  EXPECT_TRUE(HasClusterMark(directory));
}

TEST_F(RemovalTest, OneThatRunsInTheForegroundIsKnownByItsLock) {
  const std::string directory = ClusterAt("foreground", 3);
  EXPECT_FALSE(RunningOn(directory));
  {
    const auto lock = DataDirLock::Take(directory);
    ASSERT_TRUE(lock);
    EXPECT_FALSE(DaemonOf(directory)) << "nobody may end it by down";
    ASSERT_TRUE(RunningOn(directory));
    EXPECT_EQ(*RunningOn(directory), *IdentifyProcess(getpid()));
  }
  EXPECT_FALSE(RunningOn(directory));
}

TEST_F(RemovalTest, WhateverTheUmaskIsOnlyItsOwnerWritesIntoANewDirectory) {
  namespace fs = std::filesystem;
  const fs::path above = ClusterAt("umask", 3) + "/new";
  const mode_t before = umask(0);
  const auto lock = DataDirLock::Take(above / "data");
  umask(before);
  ASSERT_TRUE(lock);
  for (const fs::path& made : {above, above / "data"}) {
    const auto others = fs::status(made).permissions() &
                        (fs::perms::group_write | fs::perms::others_write);
    EXPECT_EQ(others, fs::perms::none) << made;
  }
}

TEST_F(RemovalTest, OfTwoThatStartAtOnceTheFileNamesTheOneThatRuns) {
  const std::string directory = ClusterAt("twice", 3);
  EXPECT_FALSE(ReadPidFile(PidPath(directory)));
  {
    const auto first = DataDirLock::TakeAsDaemon(directory);
    ASSERT_TRUE(first);
    ASSERT_EQ(ReadPidFile(PidPath(directory))->pid, getpid());
    const auto earlier = *IdentifyProcess(getppid());
    ASSERT_TRUE(WritePidFile(PidPath(directory), earlier));
    EXPECT_EQ(DataDirLock::TakeAsDaemon(directory).error().reason, Reason::kConflict);
    EXPECT_EQ(ReadPidFile(PidPath(directory)), earlier) << "it belongs to whoever has the lock";
  }
  ASSERT_TRUE(DataDirLock::TakeAsDaemon(directory));
  EXPECT_EQ(ReadPidFile(PidPath(directory))->pid, getpid());
}

TEST_F(RemovalTest, BesideARunningClusterWhatWouldBeAnotherOneIsRefused) {
  const std::string directory = ClusterAt("runs", 3);
  auto lock = DataDirLock::TakeAsDaemon(directory);
  ASSERT_TRUE(lock);
  lock->StartIsOver();
  const auto refused = [](auto main, std::vector<std::string> args) {
    testing::internal::CaptureStderr();
    const int code = main(args);
    const std::string said = testing::internal::GetCapturedStderr();
    return code == 1 ? said : "";
  };
  const std::string at = "--data-dir=" + directory;
  const std::string shown = std::filesystem::path(directory).lexically_normal();
  testing::internal::CaptureStdout();
  EXPECT_EQ(UpMain({at}), 0) << "what is asked for is there";
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              HasSubstr("export KUBECONFIG=" + shown + "/admin.kubeconfig"));
  EXPECT_THAT(refused(UpMain, {at, "--secure-port=7443", "--durability=memory"}),
              HasSubstr("--secure-port=7443 --durability=memory are for a new start"));
  EXPECT_THAT(refused(JoinMain, {at}), HasSubstr("a cluster of its own runs from " + shown));
  EXPECT_THAT(refused(JoinMain, {at, "foo"}), HasSubstr("`skiff down --data-dir=" + shown + "`"))
      << "and not what takes away the cluster of the default directory";
  testing::internal::CaptureStdout();
  EXPECT_EQ(DoctorMain({at, "--nodes=3"}), 1);
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              HasSubstr("A cluster or node runs from " + shown + " already"));
}

TEST_F(RemovalTest, UpRefusesNumbersThatMakeNoSense) {
  const auto refused = [&](const std::string& flag) {
    testing::internal::CaptureStderr();
    const int code = UpMain({"--data-dir=" + root_ + "/never", flag});
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_FALSE(std::filesystem::exists(root_ + "/never")) << flag;
    return code == 1 ? said : "";
  };
  EXPECT_THAT(refused("--nodes=-1"),
              HasSubstr("--nodes=-1: it must be between 0 and 32000\nusage: skiff up"));
  for (const char* flag :
       {"--nodes=40000", "--secure-port=0", "--secure-port=70000", "--kubelet-port=-1",
        "--cluster-dns-port=0", "--default-not-ready-toleration-seconds=-1",
        "--node-monitor-grace-period=0s", "--cluster-cidr=all", "--cluster-dns=maybe",
        "--ingress-http-port=65536",
        "--cluster-cidr=10.96.128.0/17", "--bind-address=here", "--eviction-hard=foo",
        "--eviction-hard=foo.bar<1Mi", "--iptables-flavour=x", "--durability=some",
        "--bootstrap-token=foo", "--data-dir="}) {
    EXPECT_THAT(refused(flag), HasSubstr("usage: skiff up")) << flag;
  }
  testing::internal::CaptureStderr();
  EXPECT_EQ(UpMain({"--data-dir=" + root_ + "/never", "--nodes=2", "--node-name=Bad_Name"}), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("--node-name: it is for a node"));
}

TEST_F(RemovalTest, TheNetworkBelongsToAllNodesOfTheMachine) {
  const std::string first = ClusterAt("first");
  const std::string second = ClusterAt("second");
  MachineNetwork network(root_ + "/run/network");
  EXPECT_THAT(network.Others(first), IsEmpty());
  ASSERT_TRUE(network.Join(first));
  ASSERT_TRUE(network.Join(second));
  ASSERT_TRUE(network.Join(second));
  EXPECT_THAT(network.Others(first), ElementsAre(second));
  EXPECT_THAT(network.Others(second), ElementsAre(first));
  network.Leave(first);
  EXPECT_THAT(network.Others(second), IsEmpty());
  ASSERT_TRUE(network.Join(first));
  std::filesystem::remove_all(first);  // By hand.
  EXPECT_THAT(network.Others(second), IsEmpty());
  network.Leave(first);
  network.Leave(second);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/run"));
}

}  // namespace
}  // namespace skiff
