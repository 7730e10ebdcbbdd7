// skiff status: what runs here.
#pragma once

#include <string>
#include <vector>

namespace skiff {

int StatusMain(const std::vector<std::string>& args);

}  // namespace skiff
