// Where a containerd of our own keeps what.
#pragma once

#include <string>

namespace skiff {

// Below the mount point of a cgroup hierarchy.
inline constexpr char kContainerdCgroup[] = "/skiff/containerd";

struct ContainerdPaths {
  explicit ContainerdPaths(const std::string& data_directory)
      : directory(data_directory + "/containerd") {}
  std::string Root() const { return directory + "/root"; }  // Images.
  std::string Run() const { return directory + "/run"; }    // Sockets, running tasks.
  std::string Socket() const { return directory + "/run/containerd.sock"; }
  std::string Tasks() const { return directory + "/run/io.containerd.runtime.v2.task/k8s.io"; }
  std::string Cni() const { return directory + "/cni"; }
  std::string CniConf() const { return directory + "/cni/net.d"; }
  std::string ConfigFile() const { return directory + "/config.toml"; }
  std::string PidFile() const { return directory + "/containerd.pid"; }
  std::string LockFile() const { return directory + "/lock"; }
  std::string BootFile() const { return directory + "/boot"; }
  std::string Log() const { return directory + "/containerd.log"; }

  const std::string directory;
};

}  // namespace skiff
