// What is said of a flag before any program that there is none of.
#pragma once

#include <string>

namespace skiff {

// As it was typed: "--verison", "-version", "--nodes=3".
std::string RefusedLeadingFlag(const std::string& typed);

}  // namespace skiff
