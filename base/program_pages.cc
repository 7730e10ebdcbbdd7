#include "base/program_pages.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

namespace skiff {
namespace {

struct Mapping {
  ProgramPages pages;
  bool is_file = false;  // Private, and for nobody to write.
  bool is_written = true;
};

// Whether the line begins a mapping: "7f00-7f01 r-xp 00000000 fe:00 17    /usr/bin/x".
bool ReadHead(const std::string& line, Mapping& mapping) {
  uintptr_t begin = 0, end = 0;
  char rights[5] = {};
  if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, rights) != 3) {
    return false;
  }
  const bool is_file = line.find(" /") != std::string::npos;
  const bool is_fixed = std::strcmp(rights, "r-xp") == 0 || std::strcmp(rights, "r--p") == 0;
  mapping = {.pages = {.begin = begin, .end = end}, .is_file = is_file && is_fixed};
  return true;
}

}  // namespace

std::vector<ProgramPages> UnchangedPages(std::istream& smaps) {
  std::vector<ProgramPages> unchanged;
  Mapping mapping;
  for (std::string line; std::getline(smaps, line);) {
    if (ReadHead(line, mapping) || !mapping.is_file) continue;
    size_t kib = 0;
    if (std::sscanf(line.c_str(), "Rss: %zu kB", &kib) == 1) mapping.pages.resident = kib << 10;
    if (std::sscanf(line.c_str(), "Anonymous: %zu kB", &kib) == 1) mapping.is_written = kib > 0;
    // What the loader wrote into, as addresses of constants, is nowhere else but, perhaps, swapped
    // out.
    const bool is_last = std::sscanf(line.c_str(), "Swap: %zu kB", &kib) == 1;
    if (is_last && kib == 0 && !mapping.is_written) unchanged.push_back(mapping.pages);
  }
  return unchanged;
}

size_t LetGoOfProgramPages() {
  std::ifstream smaps("/proc/self/smaps");
  size_t let_go = 0;
  for (const ProgramPages& pages : UnchangedPages(smaps)) {
    void* const begin = reinterpret_cast<void*>(pages.begin);
    if (madvise(begin, pages.end - pages.begin, MADV_DONTNEED) == 0) let_go += pages.resident;
  }
  return let_go;
}

}  // namespace skiff
