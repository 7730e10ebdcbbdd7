// "/dev/sda" for 8:0, as /sys/dev/block knows it; "8:0" where it knows nothing.
#pragma once

#include <cstdint>
#include <string>

namespace skiff::kubelet {

std::string DeviceName(int64_t major, int64_t minor);

}  // namespace skiff::kubelet
