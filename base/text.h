// Letters, digits and blanks of ASCII, whatever the locale.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool IsLetter(char c) {
  return IsLower(c) || IsUpper(c);
}
constexpr bool IsAlnum(char c) {
  return IsLetter(c) || IsDigit(c);
}

constexpr char Lower(char c) {
  return IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = Lower(c);
  return lower;
}

// Those of Go's strings.TrimSpace.
inline constexpr std::string_view kAsciiBlanks = " \t\n\v\f\r";

// Without the blanks before and behind.
constexpr std::string_view WithoutBlanks(std::string_view text,
                                         std::string_view blanks = kAsciiBlanks) {
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace skiff
