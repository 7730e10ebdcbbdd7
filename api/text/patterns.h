// Regular expressions that clients bring along, in schemas and in expressions: compiled when a text
// is held against them, and kept for the next one. A short pattern may be a large program, which
// grows as it runs: "((a{0,30}){0,30})". So there is one pool for all who match, and what it keeps
// is bounded by what it may come to take.
//
//   const auto [compiled, is_new] = TakePattern("^[a-z]+$");
//   if (!compiled->ok()) return GoPatternError(*compiled);
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/text/go_pattern.h"
#include "base/mutex.h"

namespace skiff {

// Bytes; the patterns used longest ago go first. Who uses one keeps it for that time.
inline constexpr int64_t kPatternsKeptMax = int64_t{64} << 20;
// Of one pattern. One that needs more is "expression too large".
inline constexpr int64_t kPatternMemoryMax = int64_t{8} << 20;

// A pattern as Go writes it. Nothing can be matched with one that is not ok().
class CompiledPattern : public RE2 {
 public:
  CompiledPattern(std::string_view text, const Options& options);
  // Why it is none, in Go's words: "error parsing regexp: missing closing ): `a(`"; "": it is one.
  std::string GoError() const;

 private:
  CompiledPattern(std::string_view text, const GoPattern& read, const Options& options);

  const std::string text_;
  const std::string refused_;  // What Go refuses and RE2 does not.
};

struct TakenPattern {
  std::shared_ptr<const CompiledPattern> compiled;
  bool is_new;  // It was not kept, and has been compiled.
};

// Thread-safe.
class PatternPool {
 public:
  explicit PatternPool(int64_t bytes_max) : bytes_max_(bytes_max) {}
  TakenPattern Take(std::string_view pattern);
  // What all that are kept may take.
  int64_t bytes() const;

 private:
  struct Kept {
    std::string pattern;
    std::shared_ptr<const CompiledPattern> compiled;
    int64_t bytes;
  };
  static Kept Compile(std::string_view pattern);

  const int64_t bytes_max_;
  mutable Mutex mutex_;  // Not held while a pattern is compiled.
  int64_t bytes_ GUARDED_BY(mutex_) = 0;
  std::list<Kept> kept_ GUARDED_BY(mutex_);  // The last used in front.
  // By the texts in `kept_`.
  std::unordered_map<std::string_view, std::list<Kept>::iterator> known_ GUARDED_BY(mutex_);
};

// From the process's own pool, of kPatternsKeptMax.
TakenPattern TakePattern(std::string_view pattern);

// What it may take to hold a text against a pattern: its instructions times the text's bytes.
// Mostly it takes a nanosecond a byte; but of some patterns, as "(a|b)*a(a|b){200}c", there are too
// many states to keep, and then each instruction is looked at for each byte, in some nanoseconds.
// Nobody can stop that, so ask before.
uint64_t MatchWork(const RE2& pattern, std::string_view text);
// Of one match: some tenths of a second. No text that fits into an object is too long for a pattern
// of twenty instructions, and few have more than a hundred; ten kilobytes are held against 3,000.
inline constexpr uint64_t kMatchWorkMax = uint64_t{1} << 25;
// What compiling a pattern takes, by the same measure.
uint64_t CompileWork(const RE2& pattern);
// Everything matches what is no pattern.
bool PatternMatches(std::string_view pattern, std::string_view text);
// CompiledPattern::GoError.
std::string GoPatternError(const CompiledPattern& pattern);

}  // namespace skiff
