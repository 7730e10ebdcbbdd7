// Folders that are what they are to be from their first moment.
#pragma once

#include <sys/types.h>

#include <string>
#include <system_error>

namespace skiff {

// Makes the folder, and those above it that are missing: it has `mode` and they 0755, less what the
// umask takes, and never more for a moment. One that is there is left as it is.
std::error_code MakeFolder(const std::string& path, mode_t mode);

// For keys and Secrets: for nobody else to look into.
std::error_code MakePrivateFolder(const std::string& path);

}  // namespace skiff
