// Gives containers devices by the CDI files of this node, where the runtime does not do so itself.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "kubelet/cdi/cdi_spec.h"

namespace skiff::kubelet::cdi {

// Looked at whenever a container with devices is made; files of a later directory hide those of an
// earlier one.
class CdiDevices {
 public:
  static constexpr size_t kFilesMax = 1'000;  // Of a directory; more are passed over.
  static constexpr size_t kFileBytesMax = 4 << 20;

  explicit CdiDevices(std::vector<std::string> directories = {"/etc/cdi", "/var/run/cdi"})
      : directories_(std::move(directories)) {}
  // `names` as "vendor.com/net=a".
  Result<> Give(const std::vector<std::string>& names, cri::ContainerConfig& container) const;

 private:
  const std::vector<std::string> directories_;
};

}  // namespace skiff::kubelet::cdi
