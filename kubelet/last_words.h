// What a container that ended left to be shown as its message: the file it may write, or, where its
// policy is FallbackToLogsOnError and it failed without a word there, the end of its log.
#pragma once

#include <string>

#include "kubelet/cri.h"

namespace skiff::kubelet {

// "" when there is nothing.
std::string LastWords(const cri::ContainerStatus& status);

// The text of the last 80 lines of a log in CRI's format, and of that the last 2048 bytes.
std::string ReadLogEnd(const std::string& path);

}  // namespace skiff::kubelet
