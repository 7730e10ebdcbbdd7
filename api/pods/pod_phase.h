// The phases of pods.
#pragma once

#include <string_view>

namespace skiff {

// None of its containers runs again: whoever counts what runs, or waits for an end, asks this.
constexpr bool HasEnded(std::string_view phase) {
  return phase == "Succeeded" || phase == "Failed";
}

}  // namespace skiff
