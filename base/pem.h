// Texts of PEM, as files and answers hold them.
#pragma once

#include <string>

namespace skiff {

// What both hold. Neither need end its last line, and two marks on one line hide what follows them.
inline std::string JoinPem(const std::string& first, const std::string& second) {
  const bool ends_a_line = first.empty() || first.back() == '\n';
  return first + (ends_a_line ? "" : "\n") + second;
}

}  // namespace skiff
