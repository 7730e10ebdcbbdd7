// Pages of the program's own file, and of its libraries'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <vector>

namespace skiff {

// Takes those out of this process that nobody has changed: code and constants, most of which only
// the start needed. Whoever needs one again finds it where the machine keeps it for all, and pays
// one page fault for sixteen of them. Returns how many bytes there were.
size_t LetGoOfProgramPages();

struct ProgramPages {
  uintptr_t begin = 0, end = 0;
  size_t resident = 0;  // Bytes of them that are here.
  bool operator==(const ProgramPages&) const = default;
};
// Those that may go, by what /proc/PID/smaps says (proc(5)).
std::vector<ProgramPages> UnchangedPages(std::istream& smaps);

}  // namespace skiff
