// Texts of PEM, as files and answers hold them.
#pragma once

#include <string>

namespace skiff {

// What OpenSSL is given to ask for the pass phrase of what it reads: nobody has one. What is under
// one is refused, one that is empty too. Without this OpenSSL asks at the terminal, and waits; and
// an empty text in its place is a pass phrase, with which others may refuse what was taken here.
inline int NoPassPhrase(char*, int, int, void*) {
  return -1;
}

// What both hold. Neither need end its last line, and two marks on one line hide what follows them.
inline std::string JoinPem(const std::string& first, const std::string& second) {
  const bool ends_a_line = first.empty() || first.back() == '\n';
  return first + (ends_a_line ? "" : "\n") + second;
}

}  // namespace skiff
