// For tests: a containerd of their own, with a network of its own and an image made on the spot.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>

#include "base/process.h"
#include "base/whole_file.h"
#include "kubelet/containerd.h"
#include "kubelet/containerd_paths.h"
#include "kubelet/cri_grpc.h"
#include "kubelet/cri_grpc_import.h"
#include "kubelet/image_pack.h"
#include "kubelet/network/cni_config.h"

namespace skiff {

// Starts when made and removes everything it left when destroyed. Where containers cannot run,
// `skip_reason` says why and nothing was started.
class ContainerdTestHost {
 public:
  // An image with busybox and its applets.
  static constexpr char kImage[] = "skiff.local/busybox-test:1";

  // `number` tells networks of tests apart that run at the same time.
  explicit ContainerdTestHost(int number) {
    char name[] = "/tmp/skiff-containerd-XXXXXX";
    if (mkdtemp(name) == nullptr) {
      skip_reason = "no temporary folder";
      return;
    }
    directory = name;
    // As somebody's login that has ended since.
    setenv("XDG_RUNTIME_DIR", "/run/user/nobody-is-here", 1);
    options = {.directory = directory, .use_system = false};
    // Numbered by process too: two checkouts may be tested at once.
    const std::string tag = std::to_string(getpid() % 100000) + std::to_string(number);
    network = {.name = "skiff-test" + tag,
               .pod_cidrs = {"10.213." + std::to_string(getpid() % 250) + "." +
                             std::to_string(number * 64) + "/26"},
               .mtu = 1400,
               .ipam_directory = directory + "/ipam"};
    for (const std::string& problem : ContainerdProblems(options)) skip_reason += problem + "; ";
    if (!std::filesystem::exists("/bin/busybox")) skip_reason += "busybox-static is not installed";
    if (!skip_reason.empty()) return;
    const auto started = Start();
    EXPECT_TRUE(started) << started.error().message;
  }

  ~ContainerdTestHost() {
    const auto removed = Remove();
    EXPECT_TRUE(removed) << removed.error().message;
  }
  ContainerdTestHost(const ContainerdTestHost&) = delete;
  ContainerdTestHost& operator=(const ContainerdTestHost&) = delete;

  Result<> Start() {
    containerd = TRY(EnsureContainerd(options));
    runtime = cri::MakeGrpcRuntime({.endpoint = containerd.endpoint});
    TRY(WriteCniConfig(containerd.cni_conf_directory, network));
    const std::string archive = TRY(PackImage(BusyboxImage()));
    TRY(cri::ImportImageBytes(containerd.endpoint, *runtime, archive));
    // containerd reads the new configuration when it sees it, and tells nobody.
    for (int i = 0; i < 500; ++i) {
      if (TRY(runtime->Status()).Ready("NetworkReady")) return {};
      poll(nullptr, 0, 20);
    }
    return Fail(Reason::kTimeout, "the pod network did not become ready");
  }

  // Kills containerd as a crash would; its containers run on.
  void Crash() {
    const auto process = ReadPidFile(ContainerdPaths(directory).PidFile());
    ASSERT_TRUE(process);
    SignalProcess(*process, SIGKILL);
    ASSERT_TRUE(WaitUntilGone(*process, 10s));
  }

  Result<> Remove() {
    if (directory.empty()) return {};
    if (runtime) {
      runtime.reset();
      TRY(RemoveContainerd(options, {.cgroups = {Cgroup()}}));
      TRY(RemoveCniNetwork(network));
    }
    std::error_code error;
    std::filesystem::remove_all(directory, error);
    directory.clear();
    return {};
  }

  std::string Cgroup() const { return "/" + network.name; }

  static ImageSource BusyboxImage() {
    ImageSource image{.names = {kImage},
                      .files = {{.path = "bin/busybox",
                                 .mode = 0755,
                                 .content = ReadWholeFile("/bin/busybox").value_or("")},
                                {.path = "tmp", .mode = 01777, .folder = true}},
                      .command = {"sh"}};
    for (const char* applet : {"sh", "sleep", "cat", "httpd", "true"}) {
      image.files.push_back({.path = std::string("bin/") + applet, .symlink_to = "busybox"});
    }
    return image;
  }

  std::string skip_reason;
  std::string directory;
  ContainerdOptions options;
  CniNetwork network;
  Containerd containerd;
  std::unique_ptr<cri::ContainerRuntime> runtime;
};

}  // namespace skiff
