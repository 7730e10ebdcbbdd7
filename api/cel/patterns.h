// Regular expressions of expressions, from the pool that all patterns share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/cel/limits.h"
#include "api/text/patterns.h"

namespace skiff::cel {

// Compiled, or not: the caller asks ok(). What it costs to compile is looks of this thread.
std::shared_ptr<const CompiledPattern> PatternFor(std::string_view pattern);

// What the patterns that one expression writes out may take to compile: two of the largest that
// there can be, or a thousand usual ones.
class PatternAllowance {
 public:
  // Why `pattern` is none, in Go's words, or that too much was compiled already; "": it is one.
  std::string Error(std::string_view pattern) const;

 private:
  static constexpr uint64_t kLooksMax = 3'000'000;
  const uint64_t end_ = looks_of_thread + kLooksMax;
};

// Looks for a pattern in a text that outlives it, unless it may take more than kMatchWorkMax. What
// searching costs is looks of this thread.
class TextSearch {
 public:
  TextSearch(std::string_view pattern, std::string_view text);
  // Why nothing can be searched; "": it can be.
  std::string PatternError() const { return GoPatternError(*pattern_); }
  const std::string& work_error() const { return work_error_; }
  // The first match that begins at `at` or later. False: there is none, or no look is left.
  bool Next(size_t at, re2::StringPiece& match) const;

 private:
  const std::shared_ptr<const CompiledPattern> pattern_;
  const std::string_view text_;
  std::string work_error_;
};

}  // namespace skiff::cel
