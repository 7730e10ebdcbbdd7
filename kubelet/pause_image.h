// The sandbox image: our own pause program, carried inside this program.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff {

inline constexpr char kPauseImage[] = "skiff.local/pause:3.10";

// An archive that ImportImageBytes takes, with the image under `name`.
Result<std::string> PackPauseImage(const std::string& name = kPauseImage);

}  // namespace skiff
