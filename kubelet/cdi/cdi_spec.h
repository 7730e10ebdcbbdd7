// The Container Device Interface: files that say what has to be changed of a container for it to
// have a device. What is asked for and CRI has no word for, or this reader, is an error, never left
// out. Pure.
//
//   {"cdiVersion": "0.6.0", "kind": "vendor.com/net",
//    "devices": [{"name": "a", "containerEdits": {"deviceNodes": [{"path": "/dev/net-a"}]}}],
//    "containerEdits": {"env": ["NET=1"]}}
//
// The container that is given "vendor.com/net=a" gets the edits of the device, and once those that
// the file has for all.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "base/error.h"
#include "kubelet/cri.h"

namespace skiff::kubelet::cdi {

struct DeviceNode {
  std::string path;       // In the container.
  std::string host_path;  // "": the same.
  std::string type;       // "b", "c", "u", "p"; "": the host's, as what follows.
  std::optional<int64_t> major;
  std::optional<int64_t> minor;
  std::optional<int64_t> file_mode;
  std::optional<int64_t> uid;
  std::optional<int64_t> gid;
  std::string permissions;  // "": "rwm".
};

struct Edits {
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<DeviceNode> nodes;
  std::vector<cri::Mount> mounts;
  std::vector<int64_t> groups;
};

struct Spec {
  std::string kind;  // "vendor.com/net"
  std::map<std::string, Edits> devices;
  Edits all;
};
Result<Spec> ParseSpec(std::string_view text);

// "vendor.com/net=a"
struct DeviceName {
  std::string kind;
  std::string device;
};
std::optional<DeviceName> ParseDeviceName(std::string_view name);

}  // namespace skiff::kubelet::cdi
