// `skiff chaos`: faults on show. docs/chaos.md says what users see of it.
#pragma once

#include <string>
#include <vector>

#include "skiff/chaos/record.h"

namespace skiff::chaos {

int ChaosMain(const std::vector<std::string>& args);

// The faults that are on here, for `skiff status`; nothing is made, waited for or undone.
std::vector<FaultOn> FaultsOn();

}  // namespace skiff::chaos
