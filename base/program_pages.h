// Pages of the program's own file, and of its libraries'.
#pragma once

#include <cstddef>

namespace skiff {

// Takes those out of this process that nobody has changed: code and constants, most of which only
// the start needed. Whoever needs one again finds it where the machine keeps it for all, and pays
// one page fault for sixteen of them. Returns how many bytes there were.
size_t LetGoOfProgramPages();

}  // namespace skiff
