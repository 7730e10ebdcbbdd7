// `skiff chaos`: faults on show. docs/chaos.md says what users see of it.
#pragma once

#include <string>
#include <vector>

namespace skiff::chaos {

int ChaosMain(const std::vector<std::string>& args);

}  // namespace skiff::chaos
