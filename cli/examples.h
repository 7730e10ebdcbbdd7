// Command lines to begin with, for the help of each verb.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace skiff::cli {

struct Example {
  std::string_view verb;   // "create secret"
  std::string_view about;  // What comes of it.
  std::string_view line;   // Without the program's name.
};

std::span<const Example> Examples();
// As help shows those of one verb; "" where it has none.
std::string ExamplesText(const std::string& program, std::string_view verb);

}  // namespace skiff::cli
