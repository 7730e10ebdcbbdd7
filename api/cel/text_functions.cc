// Strings as the language itself knows them, and regular expressions in Go's words.
#include <re2/re2.h>

#include <array>
#include <list>

#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/cel/patterns.h"
#include "api/cel/runes.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

// Expressions match the same few patterns over and over; each thread keeps the last ones compiled.
constexpr size_t kPatternsMax = 16;
// Bytes: of the longest pattern that is kept, and of what one may take when compiled.
constexpr size_t kKeptPatternMax = 4096;
constexpr int64_t kPatternMemoryMax = int64_t{4} << 20;

Value ContainsText(Args a) {
  return Value::Bool(FindText(a[0].text(), a[1].text(), 0) != std::string_view::npos);
}
Value StartsWith(Args a) {
  return Value::Bool(a[0].text().starts_with(a[1].text()));
}
Value EndsWith(Args a) {
  return Value::Bool(a[0].text().ends_with(a[1].text()));
}
Value MatchesPattern(Args a) {
  const auto pattern = PatternFor(a[1].text());
  if (!pattern->ok()) return Value::Error(GoPatternError(*pattern));
  return Value::Bool(RE2::PartialMatch(a[0].text(), *pattern));
}

constexpr std::array kTextFunctions = {
    Declaration{"contains", "string.(string) -> bool", ContainsText, CostRule::kContains},
    Declaration{"endsWith", "string.(string) -> bool", EndsWith, CostRule::kTraverse},
    Declaration{"startsWith", "string.(string) -> bool", StartsWith, CostRule::kTraverse},
    Declaration{"matches", "(string, string) -> bool", MatchesPattern, CostRule::kMatch},
    Declaration{"matches", "string.(string) -> bool", MatchesPattern, CostRule::kMatch}};

// A short pattern may be a large program: "((a{0,30}){0,30})".
std::shared_ptr<const RE2> CompilePattern(std::string_view pattern) {
  constexpr uint64_t kLooksPerInstruction = 5, kLooksAtBadOne = 5000;
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemoryMax);
  auto compiled = std::make_shared<const RE2>(pattern, options);
  looks_of_thread += compiled->ok()
                         ? kLooksPerInstruction * static_cast<uint64_t>(compiled->ProgramSize())
                         : kLooksAtBadOne;
  return compiled;
}

}  // namespace

std::shared_ptr<const RE2> PatternFor(std::string_view pattern) {
  struct Kept {
    std::string pattern;
    std::shared_ptr<const RE2> compiled;
  };
  thread_local std::list<Kept> kept;  // The last used in front.
  for (auto at = kept.begin(); at != kept.end(); ++at) {
    if (at->pattern != pattern) continue;
    kept.splice(kept.begin(), kept, at);
    return at->compiled;
  }
  if (pattern.size() > kKeptPatternMax) return CompilePattern(pattern);
  kept.push_front({std::string(pattern), CompilePattern(pattern)});
  if (kept.size() > kPatternsMax) kept.pop_back();
  return kept.front().compiled;
}

std::string GoPatternError(const RE2& pattern) {
  const auto quoted = [](const std::string& what, const std::string& of) {
    return "error parsing regexp: " + what + ": `" + of + "`";
  };
  const std::string& arg = pattern.error_arg();
  switch (pattern.error_code()) {
    case RE2::NoError: return "";
    case RE2::ErrorBadEscape: return quoted("invalid escape sequence", arg);
    case RE2::ErrorBadCharClass: return quoted("invalid character class", arg);
    case RE2::ErrorBadCharRange: return quoted("invalid character class range", arg);
    case RE2::ErrorMissingBracket: return quoted("missing closing ]", arg);
    case RE2::ErrorMissingParen: return quoted("missing closing )", pattern.pattern());
    case RE2::ErrorUnexpectedParen: return quoted("unexpected )", pattern.pattern());
    case RE2::ErrorTrailingBackslash:
      return "error parsing regexp: trailing backslash at end of expression: ``";
    case RE2::ErrorRepeatArgument:
      return quoted("missing argument to repetition operator", arg);
    case RE2::ErrorRepeatSize: return quoted("invalid repeat count", arg);
    case RE2::ErrorRepeatOp: return quoted("invalid nested repetition operator", arg);
    case RE2::ErrorBadPerlOp: return quoted("invalid or unsupported Perl syntax", arg);
    case RE2::ErrorBadUTF8: return quoted("invalid UTF-8", pattern.pattern());
    case RE2::ErrorBadNamedCapture: return quoted("invalid named capture", arg);
    default: return quoted("expression too large", pattern.pattern());
  }
}

std::string PatternError(std::string_view pattern) {
  return GoPatternError(*PatternFor(pattern));
}

void AddTextFunctions(FunctionTable& table) {
  table.Add(kTextFunctions);
}

}  // namespace skiff::cel
