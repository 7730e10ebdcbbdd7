// What was given to `skiff up`: flags that would do nothing, for what they ask is said to be
// impossible instead, and those that start the cluster again as it was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/flags.h"

namespace skiff {

// Whether the command line has that flag: a flag may be given the value that it has anyway.
bool IsGiven(const Flags& flags, std::string_view name);

// Whether the same flag is behind that one: the last counts.
bool IsGivenAgain(const Flags::Given& given, Flags::Given::const_iterator at);

// Those that ask for something else than the running cluster was started with, as "--name=value".
// Asking for what it has is no mistake: a script may say the same line twice.
std::vector<std::string> FlagsForNewStart(const Flags::Given& asked,
                                          const std::vector<std::string>& running);

// Of those given to an `up`, what another one takes that starts the same cluster again.
std::vector<std::string> FlagsToStartAgain(const Flags::Given& given);
// "skiff up --nodes=3 --secure-port=7443 --data-dir=/x", for a shell: as the cluster in that
// directory was started last.
std::string UpCommandOf(const std::string& data_dir);
// The same, but at another port where a program listens at its own by now: who types it has a
// cluster. For a copy whose original may run.
std::string UpCommandOfCopy(const std::string& data_dir);

// Whether a flag of `up` is for a node that runs containers.
bool IsOfRealNodes(const std::string& flag);
// Invalid where simulated nodes are asked for, and none (--nodes=0) or a flag that only a real node
// follows.
Result<> CheckFlagsOfSimulated(const Flags::Given& given);

}  // namespace skiff
