// The calls of a kubelet to a CSI driver on its node. Each is on a connection of its own, and
// blocks. Errors read as gRPC's clients print them: "rpc error: code = Internal desc = ...".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff::kubelet::csi {

struct NodeInfo {
  std::string node_id;
  int64_t volumes_max = 0;  // 0: no limit.
  std::map<std::string, std::string> topology;
};

struct Capabilities {
  bool stages = false;
  bool single_node_multi_writer = false;
  bool mount_group = false;
  bool volume_stats = false;
  bool expands = false;
};

using StringMap = std::map<std::string, std::string>;

// A volume in a call; what it is asked for is ignored.
struct VolumeCall {
  std::string volume_id;
  StringMap publish_context;
  std::string staging_path;  // "": it is not staged.
  std::string target_path;   // Of a publication alone.
  std::string fs_type;
  std::vector<std::string> mount_flags;
  std::string mount_group;
  std::string access_mode;  // Kubernetes': "ReadWriteOnce".
  bool is_block = false;    // A device: what is said of file systems counts for nothing.
  bool is_read_only = false;
  StringMap secrets;
  StringMap context;
};

// What a driver says of a volume in use; what it did not say is unset.
struct VolumeUse {
  struct Amount {
    uint64_t available = 0, total = 0, used = 0;
  };
  std::optional<Amount> bytes, inodes;
};

class NodeClient {
 public:
  static constexpr Duration kTimeout = 2min;
  static constexpr Duration kStatsTimeout = 10s;  // Whoever asks waits for all volumes of a pod.

  explicit NodeClient(std::string endpoint) : endpoint_(std::move(endpoint)) {}
  Result<NodeInfo> GetInfo(Duration timeout = kTimeout) const;
  Result<Capabilities> GetCapabilities(Duration timeout = kTimeout) const;
  Result<> Stage(const VolumeCall& call, const Capabilities& able) const;
  Result<> Publish(const VolumeCall& call, const Capabilities& able) const;
  Result<> Unpublish(const std::string& volume_id, const std::string& target_path) const;
  Result<> Unstage(const std::string& volume_id, const std::string& staging_path) const;
  // Of the volume published at the call's target path. Reasons as of cri::ErrorFrom, for the caller
  // to tell what asking again is good for.
  Result<> Expand(const VolumeCall& call, int64_t bytes, const Capabilities& able) const;
  Result<VolumeUse> Stats(const std::string& volume_id, const std::string& path) const;

 private:
  const std::string endpoint_;  // The path of a socket.
};

}  // namespace skiff::kubelet::csi
