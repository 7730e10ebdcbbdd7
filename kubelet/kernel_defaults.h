// What pods may rely on of the kernel; `--protect-kernel-defaults` starts nothing where it is
// different.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff::kubelet {

// `root` is /proc/sys. Invalid names the first setting that differs, in the kubelet's words.
Result<> CheckKernelDefaults(const std::string& root);

// By /proc/swaps: a heading, and a line for each swap that is in use.
bool HasSwap(const std::string& path);

}  // namespace skiff::kubelet
