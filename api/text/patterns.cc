#include "api/text/patterns.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace skiff {
namespace {

// Of most patterns; a program that needs more is given four times as much.
constexpr int64_t kMemoryAtFirst = int64_t{128} << 10;

// Whether Go refuses what RE2 takes. It reads from left to right: what is wrong before that comes
// first, but for what is not closed there yet.
bool IsRefused(const GoPattern& read, const RE2::Options& options) {
  if (read.error.empty()) return false;
  const RE2 before(read.re2.substr(0, read.error_at), options);
  return before.ok() || before.error_code() == RE2::ErrorMissingParen;
}

// No pattern, which is quickly found.
constexpr char kNoPattern[] = ")";

}  // namespace

CompiledPattern::CompiledPattern(std::string_view text, const Options& options)
    : CompiledPattern(text, ReadGoPattern(text), options) {}

CompiledPattern::CompiledPattern(std::string_view text, const GoPattern& read,
                                 const Options& options)
    : RE2(IsRefused(read, options) ? kNoPattern : read.re2, options),
      text_(text),
      refused_(IsRefused(read, options) ? read.error : "") {}

PatternPool::Kept PatternPool::Compile(std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  int64_t memory = kMemoryAtFirst;
  while (true) {
    options.set_max_mem(memory);
    auto compiled = std::make_shared<const CompiledPattern>(pattern, options);
    if (compiled->error_code() != RE2::ErrorPatternTooLarge || memory == kPatternMemoryMax) {
      const auto bytes = memory + 2 * static_cast<int64_t>(pattern.size());
      return {std::string(pattern), std::move(compiled), bytes};
    }
    memory = std::min(4 * memory, kPatternMemoryMax);
  }
}

TakenPattern PatternPool::Take(std::string_view pattern) {
  {
    const MutexLock lock(mutex_);
    if (const auto found = known_.find(pattern); found != known_.end()) {
      kept_.splice(kept_.begin(), kept_, found->second);
      return {found->second->compiled, false};
    }
  }
  Kept made = Compile(pattern);
  const auto compiled = made.compiled;
  std::list<Kept> gone;  // Freed when the lock is not held any more.
  const MutexLock lock(mutex_);
  if (made.bytes > bytes_max_ || known_.contains(pattern)) return {compiled, true};
  bytes_ += made.bytes;
  kept_.push_front(std::move(made));
  known_.emplace(kept_.front().pattern, kept_.begin());
  while (bytes_ > bytes_max_) {
    const auto last = std::prev(kept_.end());
    bytes_ -= last->bytes;
    known_.erase(last->pattern);
    gone.splice(gone.end(), kept_, last);
  }
  return {compiled, true};
}

int64_t PatternPool::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

TakenPattern TakePattern(std::string_view pattern) {
  static PatternPool pool(kPatternsKeptMax);
  return pool.Take(pattern);
}

uint64_t MatchWork(const RE2& pattern, std::string_view text) {
  return static_cast<uint64_t>(std::max(pattern.ProgramSize(), 1)) * (text.size() + 1);
}

uint64_t CompileWork(const RE2& pattern) {
  constexpr uint64_t kPerInstruction = 256;  // A microsecond.
  return kPerInstruction * static_cast<uint64_t>(std::max(pattern.ProgramSize(), 1));
}

bool PatternMatches(std::string_view pattern, std::string_view text) {
  const auto compiled = TakePattern(pattern).compiled;
  return !compiled->ok() || RE2::PartialMatch(text, *compiled);
}

std::string CompiledPattern::GoError() const {
  const auto quoted = [](const std::string& what, const std::string& of) {
    return "error parsing regexp: " + what + ": `" + of + "`";
  };
  if (!refused_.empty()) return "error parsing regexp: " + refused_;
  const std::string& arg = error_arg();
  switch (error_code()) {
    case RE2::NoError: return "";
    case RE2::ErrorBadEscape: return quoted("invalid escape sequence", arg);
    case RE2::ErrorBadCharClass: return quoted("invalid character class", arg);
    case RE2::ErrorBadCharRange: return quoted("invalid character class range", arg);
    case RE2::ErrorMissingBracket: return quoted("missing closing ]", arg);
    case RE2::ErrorMissingParen: return quoted("missing closing )", text_);
    case RE2::ErrorUnexpectedParen: return quoted("unexpected )", text_);
    case RE2::ErrorTrailingBackslash:
      return "error parsing regexp: trailing backslash at end of expression: ``";
    case RE2::ErrorRepeatArgument:
      return quoted("missing argument to repetition operator", arg);
    case RE2::ErrorRepeatSize: return quoted("invalid repeat count", arg);
    case RE2::ErrorRepeatOp: return quoted("invalid nested repetition operator", arg);
    case RE2::ErrorBadPerlOp: return quoted("invalid or unsupported Perl syntax", arg);
    case RE2::ErrorBadUTF8: return quoted("invalid UTF-8", text_);
    case RE2::ErrorBadNamedCapture: return quoted("invalid named capture", arg);
    default: return quoted("expression too large", text_);
  }
}

std::string GoPatternError(const CompiledPattern& pattern) {
  return pattern.GoError();
}

}  // namespace skiff
