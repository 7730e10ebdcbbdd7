// `skiff doctor`, and the same checks before anything is started.
#pragma once

#include <string>
#include <vector>

#include "cli/colours.h"
#include "skiff/checks.h"

namespace skiff {

// Fails with what is wrong and how to mend it, each on a line. Reads the machine.
Result<> RequireHost(const ClusterOptions& options);

// "ok    root: ...", a line each, with the remedy on a line of its own.
std::string DescribeChecks(const std::vector<Check>& checks,
                           const cli::Colours& colours = cli::Colours());

int DoctorMain(const std::vector<std::string>& args);

}  // namespace skiff
