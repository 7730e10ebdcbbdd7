#include "kubelet/containerd.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <semaphore>

#include "api/values.h"
#include "kubelet/containerd_config.h"
#include "kubelet/containerd_host.h"
#include "kubelet/containerd_keeper.h"
#include "kubelet/containerd_paths.h"
#include "kubelet/containerd_test_host.h"
#include "kubelet/mount_table.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A folder that is removed at the end.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/skiff-folder-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path); }
  std::string path;
};

// Hides the programs of /usr/bin for a while.
class WithoutPrograms {
 public:
  WithoutPrograms() : path_(std::getenv("PATH")) { setenv("PATH", "/nonexistent", 1); }
  ~WithoutPrograms() { setenv("PATH", path_.c_str(), 1); }

 private:
  const std::string path_;
};

TEST(ContainerdConfigTest, ContainerdReadsWhatIsWritten) {
  if (!FindProgram("containerd")) GTEST_SKIP() << "containerd is not installed";
  const Folder folder;
  const ContainerdConfig config{.directory = folder.path + "/\"odd\" name",
                                .runc = "/usr/sbin/runc",
                                .cni_bin = "/usr/lib/cni",
                                .sandbox_image = "skiff.local/pause:3.10",
                                .snapshotter = "native",
                                .restrict_oom_score_adj = true};
  const std::string path = folder.path + "/config.toml";
  std::ofstream(path) << ContainerdConfigText(config);
  const auto dump = RunChecked({.argv = {"containerd", "--config", path, "config", "dump"}});
  ASSERT_TRUE(dump) << dump.error().message;
  EXPECT_THAT(*dump, HasSubstr("\\\"odd\\\" name/run/containerd.sock\""));
  EXPECT_THAT(*dump, HasSubstr("sandbox_image = \"skiff.local/pause:3.10\""));
  EXPECT_THAT(*dump, HasSubstr("snapshotter = \"native\""));
  EXPECT_THAT(*dump, HasSubstr("restrict_oom_score_adj = true"));
  EXPECT_THAT(*dump, HasSubstr("BinaryName = \"/usr/sbin/runc\""));
  EXPECT_THAT(*dump, HasSubstr("max_send_message_size = 134217728"));
}

TEST(ContainerdTest, SaysWhichPackagesAreMissing) {
  const Folder folder;
  const WithoutPrograms hidden;
  if (FindProgram("containerd")) GTEST_SKIP() << "containerd lies in an sbin folder";
  const auto containerd = EnsureContainerd({.directory = folder.path, .use_system = false});
  ASSERT_FALSE(containerd);
  EXPECT_EQ(containerd.error().reason, Reason::kNotFound);
  EXPECT_THAT(containerd.error().message,
              HasSubstr("\n  containerd is not installed: install the package containerd"));
  const auto removed = RemoveContainerd({.directory = folder.path}, {});
  EXPECT_TRUE(removed) << removed.error().message;
  EXPECT_TRUE(fs::is_empty(folder.path));
}

TEST(ContainerdTest, NobodyWaitsForEverForWhoStartsOne) {
  const Folder folder;
  const ContainerdPaths paths(folder.path);
  fs::create_directories(paths.directory);
  const int other = open(paths.LockFile().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(other, LOCK_EX), 0);
  ContainerdOptions options{
      .directory = folder.path, .use_system = false, .start_timeout = 50ms};
  const auto late = EnsureContainerd(options);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::kTimeout);
  EXPECT_THAT(late.error().message, HasSubstr(paths.LockFile() + " is locked"));
  std::stop_source stop;
  stop.request_stop();
  options.start_timeout = 1h;
  options.stop = stop.get_token();
  const auto given_up = EnsureContainerd(options);
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().reason, Reason::kTimeout);
  close(other);
}

TEST(ContainerdTest, AGivenEndpointMustAnswer) {
  const Folder folder;
  const auto containerd =
      EnsureContainerd({.endpoint = "unix:///nonexistent.sock", .directory = folder.path});
  ASSERT_FALSE(containerd);
  EXPECT_EQ(containerd.error().reason, Reason::kServiceUnavailable);
  EXPECT_THAT(containerd.error().message,
              HasSubstr("no container runtime answers CRI at unix:///nonexistent.sock"));
}

TEST(ContainerdTest, ADirectoryTooDeepForASocketIsRefused) {
  const Folder folder;
  const auto containerd = EnsureContainerd(
      {.directory = folder.path + "/" + std::string(100, 'd'), .use_system = false});
  ASSERT_FALSE(containerd);
  EXPECT_EQ(containerd.error().reason, Reason::kInvalid);
  EXPECT_THAT(containerd.error().message, HasSubstr("has more than 107 characters"));
}

TEST(ContainerdTest, FindsItsOwnAgainAndLeavesNothingEvenWhenTidyingMustBeForced) {
  ContainerdTestHost host(1);
  if (!host.skip_reason.empty()) GTEST_SKIP() << host.skip_reason;
  ASSERT_TRUE(host.runtime);
  const ContainerdPaths paths(host.directory);
  const auto first = ReadPidFile(paths.PidFile());
  const auto again = EnsureContainerd(host.options);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->is_ours);
  EXPECT_EQ(ReadPidFile(paths.PidFile()), first);

  const auto sandbox = host.runtime->RunPodSandbox({.metadata = {.name = "left", .uid = "u"},
                                                    .log_directory = host.directory + "/logs",
                                                    .cgroup_parent = host.Cgroup()},
                                                   "");
  ASSERT_TRUE(sandbox) << sandbox.error().message;
  const std::string bundle = paths.Tasks() + "/" + *sandbox;
  pid_t pause = 0;
  std::ifstream(bundle + "/init.pid") >> pause;
  const auto pause_process = IdentifyProcess(pause);
  ASSERT_TRUE(pause_process);
  const Json config = Json::parse(std::ifstream(bundle + "/config.json"));
  std::string network_namespace;
  for (const Json& entry : config["linux"]["namespaces"]) {
    if (entry["type"] == "network") network_namespace = entry["path"];
  }
  ASSERT_TRUE(fs::exists(network_namespace)) << network_namespace;

  host.Crash();
  EXPECT_TRUE(IsAlive(*pause_process)) << "a pod outlives containerd";
  {
    const WithoutPrograms hidden;  // Nothing can be started to undo it in good order.
    const auto removed = RemoveContainerd(host.options, {.cgroups = {host.Cgroup()}});
    EXPECT_TRUE(removed) << removed.error().message;
  }
  EXPECT_FALSE(IsAlive(*pause_process));
  EXPECT_FALSE(fs::exists(network_namespace));
  EXPECT_FALSE(fs::exists(paths.directory));
  EXPECT_TRUE(MountsBelow(host.directory).empty());
  for (const std::string& mount : CgroupMounts()) {
    EXPECT_FALSE(fs::exists(mount + host.Cgroup())) << mount;
  }
  EXPECT_TRUE(RemoveCniNetwork(host.network));
  EXPECT_FALSE(fs::exists(host.network.ipam_directory));
}

TEST(ContainerdKeeperTest, AContainerdThatIsKilledComesBackWithItsPods) {
  ContainerdTestHost host(3);
  if (!host.skip_reason.empty()) GTEST_SKIP() << host.skip_reason;
  ASSERT_TRUE(host.runtime);
  const auto sandbox = host.runtime->RunPodSandbox({.metadata = {.name = "goes-on", .uid = "u"},
                                                    .log_directory = host.directory + "/logs",
                                                    .cgroup_parent = host.Cgroup()},
                                                   "");
  ASSERT_TRUE(sandbox) << sandbox.error().message;
  const SystemClock clock;
  http::Loops loops;
  ThreadExecutor executor("keeper", 1);
  std::binary_semaphore started(0);
  ContainerdKeeper keeper(host.options, loops, clock, [&] { started.release(); });
  executor.Add(keeper);
  const ContainerdPaths paths(host.directory);
  const auto first = ReadPidFile(paths.PidFile());
  host.Crash();
  ASSERT_TRUE(started.try_acquire_for(30s));
  const auto second = ReadPidFile(paths.PidFile());
  ASSERT_TRUE(second);
  EXPECT_NE(second, first);
  const auto status = host.runtime->PodSandboxStatus(*sandbox);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->state, cri::SandboxState::kReady);
  keeper.Stop();
  executor.Remove(keeper);
}

TEST(ContainerdKeeperTest, OneThatCannotBeStartedIsTriedAgainLaterAndLater) {
  const Folder folder;
  const WithoutPrograms hidden;
  if (FindProgram("containerd")) GTEST_SKIP() << "containerd lies in an sbin folder";
  FakeClock clock;
  http::Loops loops;
  ContainerdKeeper keeper({.directory = folder.path, .use_system = false}, loops, clock,
                          [] { ADD_FAILURE() << "there is nothing to start"; });
  const Duration first = keeper.Step();
  EXPECT_EQ(first, 2 * ContainerdKeeper::kDelayFirst);
  EXPECT_EQ(keeper.Step(), first) << "it is not time yet";
  clock.Advance(first);
  EXPECT_EQ(keeper.Step(), 2 * first);
  for (int i = 0; i < 10; ++i) clock.Advance(keeper.Step());
  EXPECT_EQ(keeper.Step(), ContainerdKeeper::kDelayMax);
  keeper.Stop();
  EXPECT_EQ(keeper.Step(), kNever);
}

TEST(ContainerdTest, SomebodyElsesContainerdIsUsedAndKeepsRunning) {
  ContainerdTestHost host(2);
  if (!host.skip_reason.empty()) GTEST_SKIP() << host.skip_reason;
  ASSERT_TRUE(host.runtime);
  ASSERT_TRUE(host.runtime->RemoveImage(host.containerd.sandbox_image));
  const Folder folder;
  const ContainerdOptions options{.endpoint = host.containerd.endpoint, .directory = folder.path};
  const auto found = EnsureContainerd(options);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->is_ours);
  EXPECT_EQ(found->cni_conf_directory, host.containerd.cni_conf_directory);
  EXPECT_TRUE(host.runtime->ImageStatus(found->sandbox_image).value())
      << "the sandbox image was missing and is there now";

  const auto run = [&](const std::string& name, const cri::StringMap& labels) {
    return host.runtime
        ->RunPodSandbox({.metadata = {.name = name, .uid = name},
                         .labels = labels,
                         .cgroup_parent = host.Cgroup()},
                        "")
        .value_or("");
  };
  const std::string ours = run("ours", {{"io.kubernetes.pod.uid", "ours"}});
  const std::string foreign = run("foreign", {});
  const auto removed = RemoveContainerd(options, {});
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(host.runtime->PodSandboxStatus(ours).error().reason, Reason::kNotFound);
  EXPECT_TRUE(host.runtime->PodSandboxStatus(foreign));
}

TEST(ContainerdTest, ImagesCanOutliveARemoval) {
  ContainerdTestHost host(2);
  if (!host.skip_reason.empty()) GTEST_SKIP() << host.skip_reason;
  ASSERT_TRUE(host.runtime);
  const auto removed = RemoveContainerd(host.options, {.keep_images = true});
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_FALSE(ReadPidFile(ContainerdPaths(host.directory).PidFile()));
  const auto again = EnsureContainerd(host.options);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(host.runtime->ImageStatus(ContainerdTestHost::kImage).value());
}

}  // namespace
}  // namespace skiff
