// The machine's containerd: one that runs already, or Debian's own run by us in a folder of ours.
//
//   EnsureContainerd ──► given endpoint ──► ours, still running ──► the system's ──► start ours
//
// Ours is a daemon in its own session and cgroup: it and its containers live on when we end or
// crash, and the next start finds them again. RemoveContainerd ends it and all it started.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct ContainerdOptions {
  // "unix:///path" of a runtime that somebody else runs. "": find or start one.
  std::string endpoint;
  // Where ours keeps everything, below `directory`/containerd. Short: the socket's path has at most
  // 107 bytes.
  std::string directory;
  // Whether a system containerd at /run/containerd/containerd.sock is taken before one is started.
  bool use_system = true;
  Duration start_timeout = std::chrono::seconds(30);
  std::stop_token stop = {};  // When requested, a start that takes long is given up.
};

struct Containerd {
  std::string endpoint;  // "unix:///..."
  bool is_ours = false;
  std::string cni_conf_directory;  // Where it looks for the network's configuration.
  std::string cni_bin_directory;
  std::string sandbox_image;  // Imported by EnsureContainerd if it was not there.
  std::string snapshotter;
  std::string cgroup_driver;       // "systemd" or "cgroupfs"; "": it does not say.
  std::vector<std::string> notes;  // What works worse than it could, for the log and `doctor`.
};

// Returns a containerd whose CRI answers. Errors say what is missing, one line each:
// kServiceUnavailable when a given endpoint does not answer, kForbidden and kNotFound for what the
// machine lacks, kTimeout when ours did not come up, with the end of its log, or another process is
// at it for longer than `start_timeout`.
Result<Containerd> EnsureContainerd(const ContainerdOptions& options);

// What stands in the way of containers here; empty when EnsureContainerd should work.
std::vector<std::string> ContainerdProblems(const ContainerdOptions& options);

struct RemoveContainerdOptions {
  bool keep_images = false;  // Keeps the content so that the next start has its images.
  // Cgroups that may be removed when no process is in them, with all below: "/kubepods".
  std::vector<std::string> cgroups;
};

// Stops every pod of ours, and our containerd, and removes shims, mounts, network namespaces,
// cgroups and files it left, also after a crash. A containerd that is not ours keeps running, and
// only the pods that a kubelet made in it are removed. Can be repeated. Errors name what is left.
Result<> RemoveContainerd(const ContainerdOptions& options, const RemoveContainerdOptions& how);

}  // namespace skiff
