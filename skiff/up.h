// skiff up, down and status: a cluster as a daemon of this machine.
#pragma once

#include <string>
#include <vector>

namespace skiff {

int UpMain(const std::vector<std::string>& args);
int DownMain(const std::vector<std::string>& args);
int StatusMain(const std::vector<std::string>& args);
int ImageMain(const std::vector<std::string>& args);

}  // namespace skiff
