// Strings as the language itself knows them, and regular expressions in Go's words.
#include <array>

#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/cel/patterns.h"
#include "api/cel/runes.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

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

}  // namespace

std::shared_ptr<const RE2> PatternFor(std::string_view pattern) {
  constexpr uint64_t kLooksPerInstruction = 5, kLooksAtBadOne = 5000;
  auto [compiled, is_new] = TakePattern(pattern);
  if (is_new) {
    looks_of_thread += compiled->ok()
                           ? kLooksPerInstruction * static_cast<uint64_t>(compiled->ProgramSize())
                           : kLooksAtBadOne;
  }
  return compiled;
}

std::string PatternError(std::string_view pattern) {
  return GoPatternError(*PatternFor(pattern));
}

void AddTextFunctions(FunctionTable& table) {
  table.Add(kTextFunctions);
}

}  // namespace skiff::cel
