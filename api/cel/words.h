// Words of the language that cannot be names.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

namespace skiff::cel {

inline bool IsReservedWord(std::string_view name) {
  static constexpr std::string_view kWords[] = {
      "as",  "break", "const",  "continue", "else", "false",     "for",
      "function",     "if",     "import",   "in",   "let",       "loop",
      "namespace",    "null",   "package",  "return", "true",    "var",
      "void", "while"};
  return std::find(std::begin(kWords), std::end(kWords), name) != std::end(kWords);
}

}  // namespace skiff::cel
