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
  uintptr_t begin = 0, end = 0;
  size_t resident = 0;
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
  mapping = {.begin = begin, .end = end, .is_file = is_file && is_fixed};
  return true;
}

}  // namespace

size_t LetGoOfProgramPages() {
  std::ifstream maps("/proc/self/smaps");
  Mapping mapping;
  size_t let_go = 0;
  for (std::string line; std::getline(maps, line);) {
    if (ReadHead(line, mapping) || !mapping.is_file) continue;
    size_t kib = 0;
    if (std::sscanf(line.c_str(), "Rss: %zu kB", &kib) == 1) mapping.resident = kib << 10;
    if (std::sscanf(line.c_str(), "Anonymous: %zu kB", &kib) == 1) mapping.is_written = kib > 0;
    // What the loader wrote into, as addresses of constants, is nowhere else but, perhaps, swapped
    // out.
    if (std::sscanf(line.c_str(), "Swap: %zu kB", &kib) != 1 || kib > 0 || mapping.is_written) {
      continue;
    }
    const size_t bytes = mapping.end - mapping.begin;
    if (madvise(reinterpret_cast<void*>(mapping.begin), bytes, MADV_DONTNEED) == 0) {
      let_go += mapping.resident;
    }
  }
  return let_go;
}

}  // namespace skiff
