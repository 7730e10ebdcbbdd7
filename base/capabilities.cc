#include "base/capabilities.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace skiff {

bool HasCapability(Capability capability) {
  constexpr std::string_view kLine = "CapEff:";
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kLine)) continue;
    const unsigned long long held = std::strtoull(line.c_str() + kLine.size(), nullptr, 16);
    return (held >> static_cast<int>(capability) & 1) != 0;
  }
  return false;
}

}  // namespace skiff
