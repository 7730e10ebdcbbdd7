// The kubelet as a program of its own: what kubelet/program needs of the other folders.
#pragma once

#include <string>
#include <vector>

namespace skiff {

int KubeletMain(const std::vector<std::string>& args);

}  // namespace skiff
