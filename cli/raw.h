// --raw URI: a request as it is written, whose answer is printed as it comes.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/manifest.h"

namespace skiff::cli {

// Whether it is a path of a server's.
Result<> CheckRawUri(const std::string& uri);
// The same, and the files are one file or standard input (`needs_file`: not none).
Result<> CheckRaw(Command& command, const std::string& uri, const FileFlags& files,
                  bool needs_file);
// Sends what the file holds, or nothing.
Result<> SendRaw(Command& command, const std::string& method, const std::string& uri,
                 const FileFlags& files);

}  // namespace skiff::cli
