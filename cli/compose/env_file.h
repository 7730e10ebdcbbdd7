// Files of variables: .env, and what env_file names.
//
//   # a comment
//   NAME=plain text   # a comment behind a blank
//   export NAME='taken as it is, over several lines if need be'
//   NAME="with \n, \" and ${OTHER}"
//   NAME                           # the value that whoever runs us has; nothing when there is none
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/compose/interpolate.h"

namespace skiff::cli::compose {

inline constexpr size_t kVariablesMax = 10'000;

using Variables = std::vector<std::pair<std::string, std::string>>;
// In these, which have to outlive it.
Lookup LookupOf(const std::map<std::string, std::string>& variables);

// What variables of a file stand for: what `lookup` knows, else earlier ones of the file, else
// those that `before` has, of files that were named before it.
struct EnvFileScope {
  Lookup lookup;
  Lookup before = {};
  // All behind the first "=" is the value, blanks and quotes too; a comment has a line of its own.
  bool raw = false;
};
// `file` is for errors.
Result<Variables> ParseEnvFile(const std::string& file, std::string_view text,
                               const EnvFileScope& scope);

}  // namespace skiff::cli::compose
