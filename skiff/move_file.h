// A file that goes to another directory, which may lie on another disk.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff {

// `to` is there as a whole or not at all.
Result<> MoveFile(const std::string& from, const std::string& to);

}  // namespace skiff
