// Flags of `skiff up` that would do nothing: what they ask for is said to be impossible instead.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/flags.h"

namespace skiff {

// Those that ask for something else than the running cluster was started with, as "--name=value".
// Asking for what it has is no mistake: a script may say the same line twice.
std::vector<std::string> FlagsForNewStart(const Flags::Given& asked,
                                          const std::vector<std::string>& running);

// Whether a flag of `up` is for a node that runs containers.
bool IsOfRealNodes(const std::string& flag);
// Invalid where simulated nodes are asked for, and none (--nodes=0) or a flag that only a real node
// follows.
Result<> CheckFlagsOfSimulated(const Flags::Given& given);

}  // namespace skiff
