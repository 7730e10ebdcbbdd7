#include "skiff/leading_flag.h"

#include <fmt/format.h>

#include <string_view>

#include "base/did_you_mean.h"

namespace skiff {

std::string RefusedLeadingFlag(const std::string& typed) {
  std::string_view name = std::string_view(typed).substr(typed.starts_with("--") ? 2 : 1);
  name = name.substr(0, name.find('='));
  // There are these two alone.
  const auto meant = NearestWords(name, {"help", "version"});
  if (!meant.empty()) return fmt::format("unknown flag: {}; is --{} meant?", typed, meant.front());
  return fmt::format(
      "{} stands before any program: its flags follow it, as in `skiff up --nodes=3`; `skiff "
      "--help` lists them all",
      typed);
}

}  // namespace skiff
