#include "kubelet/stats/device_name.h"

#include <fmt/format.h>

#include "kubelet/stats/stat_files.h"

namespace skiff::kubelet {

std::string DeviceName(int64_t major, int64_t minor) {
  std::string name = fmt::format("{}:{}", major, minor);
  constexpr std::string_view kName = "DEVNAME=";
  ForEachLine(ReadStatFile("/sys/dev/block/" + name + "/uevent"), [&](std::string_view line) {
    if (line.starts_with(kName)) name = "/dev/" + std::string(line.substr(kName.size()));
  });
  return name;
}

}  // namespace skiff::kubelet
