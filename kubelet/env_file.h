// Env files: what a container, most often an init container, writes into an emptyDir volume for the
// environments of those that start after it (`fileKeyRef`).
//
//   # A comment, as is whatever follows a value.
//   NAME='value'              in single quotes, taken as it stands
//   MORE='two
//   lines'                    # with nothing but blanks after the closing quote
//   EMPTY= 'not taken'        a blank after '=': the value is empty, as in a shell
//
// Anything else is a mistake, and nothing that follows it is read.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff::kubelet {

struct EnvFile {
  std::string path;  // On this machine; for messages.
  std::map<std::string, std::string, std::less<>> values;  // The first of each name.
  std::string problem;  // "": all of it was read.
  size_t size_bytes = 0;
};

// Pure; `values` and `problem` of the text.
EnvFile ParseEnvFile(std::string_view text);

// The file at `path` in the volume. Containers write there: no link out of the volume is followed,
// nothing but a regular file is opened, and one of more than `bytes_max` is an error. NotFound:
// there is none.
Result<EnvFile> ReadEnvFile(const std::string& volume_path, const std::string& path,
                            size_t bytes_max);

}  // namespace skiff::kubelet
