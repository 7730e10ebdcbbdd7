// Files of variables: .env, and what env_file names.
//
//   # a comment
//   NAME=plain text   # a comment behind a blank
//   export NAME='taken as it is, over several lines if need be'
//   NAME="with \n, \" and ${OTHER}"
//   NAME                           # the value that whoever runs us has; nothing when there is none
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/compose/interpolate.h"

namespace skiff::cli::compose {

inline constexpr size_t kVariablesMax = 10'000;

using Variables = std::vector<std::pair<std::string, std::string>>;

// `file` is for errors. Variables may stand for earlier ones and for what `lookup` knows, which
// wins over the file. With `raw` all behind the "=" is the value.
Result<Variables> ParseEnvFile(const std::string& file, std::string_view text,
                               const Lookup& lookup, bool raw = false);

}  // namespace skiff::cli::compose
