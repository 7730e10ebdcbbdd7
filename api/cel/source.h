// The text of an expression, and how what is wrong with it is shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::cel {

// In front of all text: of problems that have no place.
inline constexpr int kNoPosition = -1;

struct Issue {
  int position = kNoPosition;  // In code points from the start.
  std::string message;
};

class Source {
 public:
  explicit Source(std::string_view text);
  const std::u32string& runes() const { return runes_; }
  // UTF-8 of the runes from `begin` on, up to `end`.
  std::string Slice(size_t begin, size_t end) const;
  // All issues in the order of their places, each as "ERROR: <input>:1:5: ..." with its line and a
  // caret below.
  std::string Show(std::vector<Issue> issues) const;

 private:
  std::string ShowOne(const Issue& issue) const;
  std::u32string runes_;
  std::vector<size_t> lines_;  // Where each begins.
};

}  // namespace skiff::cel
