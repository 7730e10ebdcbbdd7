// Files that are there whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff {

Result<std::string> ReadWholeFile(const std::string& path);
// Replaces the file, or a link of that name, by one of this text and mode, in one step; synced. It
// is written beside it under another name, PATH.new, and never into what somebody else has put
// there, who would read or choose what secrets go into.
Result<> WriteWholeFile(const std::string& path, std::string_view text, int mode);

}  // namespace skiff
