// Files that are there whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff {

// NotFound where there is none; Forbidden, or another error, where it cannot be read.
Result<std::string> ReadWholeFile(const std::string& path);
// Its last bytes, as an error shows those of a log; none where it cannot be read.
std::string ReadEndOfFile(const std::string& path, size_t bytes_max);
// Replaces the file, or a link of that name, by one of this text and mode, in one step; synced. It
// is written beside it under another name, PATH.new, and never into what somebody else has put
// there, who would read or choose what secrets go into.
Result<> WriteWholeFile(const std::string& path, std::string_view text, int mode);
// The same of a file that is its user's own, as a kubeconfig is: links to it stay, and so do its
// owner and its mode (`mode`: of one that is new), but for what `mode_max` does not have; one that
// may not be written is not replaced. What something is mounted at, and what is no file of a disk
// (/dev/null), is written where it is.
Result<> WriteUsersFile(const std::string& path, std::string_view text, int mode,
                        int mode_max = 07777);

}  // namespace skiff
