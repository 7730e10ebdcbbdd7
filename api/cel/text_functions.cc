// Strings as the language itself knows them, and regular expressions in Go's words.
#include <fmt/format.h>

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
  const TextSearch search(a[1].text(), a[0].text());
  for (const std::string& error : {search.PatternError(), search.work_error()}) {
    if (!error.empty()) return Value::Error(error);
  }
  re2::StringPiece match;
  return Value::Bool(search.Next(0, match));
}

constexpr std::array kTextFunctions = {
    Declaration{"contains", "string.(string) -> bool", ContainsText, CostRule::kContains},
    Declaration{"endsWith", "string.(string) -> bool", EndsWith, CostRule::kTraverse},
    Declaration{"startsWith", "string.(string) -> bool", StartsWith, CostRule::kTraverse},
    Declaration{"matches", "(string, string) -> bool", MatchesPattern, CostRule::kMatch},
    Declaration{"matches", "string.(string) -> bool", MatchesPattern, CostRule::kMatch}};

}  // namespace

std::shared_ptr<const CompiledPattern> PatternFor(std::string_view pattern) {
  constexpr uint64_t kLooksPerInstruction = 5, kLooksAtBadOne = 5000, kLooksAtLargeOne = 1'000'000;
  auto [compiled, is_new] = TakePattern(pattern);
  if (!is_new) return compiled;
  if (compiled->ok()) {
    looks_of_thread += kLooksPerInstruction * static_cast<uint64_t>(compiled->ProgramSize());
  } else {
    const bool large = compiled->error_code() == RE2::ErrorPatternTooLarge;
    looks_of_thread += large ? kLooksAtLargeOne : kLooksAtBadOne;
  }
  return compiled;
}

std::string PatternAllowance::Error(std::string_view pattern) const {
  if (looks_of_thread > end_ || LooksAreSpent()) return kBudgetText;
  return PatternError(pattern);
}

TextSearch::TextSearch(std::string_view pattern, std::string_view text)
    : pattern_(PatternFor(pattern)), text_(text) {
  if (!pattern_->ok()) return;
  if (MatchWork(*pattern_, text) > kMatchWorkMax) {
    work_error_ = fmt::format(
        "text of {} bytes is too long for a regular expression of {} instructions", text.size(),
        pattern_->ProgramSize());
  }
}

bool TextSearch::Next(size_t at, re2::StringPiece& match) const {
  // How far a search looks ahead nobody tells.
  constexpr uint64_t kWorkPerLook = 64;
  if (!Look(MatchWork(*pattern_, text_.substr(at)) / kWorkPerLook)) return false;
  return pattern_->Match(text_, at, text_.size(), RE2::UNANCHORED, &match, 1);
}

std::string PatternError(std::string_view pattern) {
  return GoPatternError(*PatternFor(pattern));
}

void AddTextFunctions(FunctionTable& table) {
  table.Add(kTextFunctions);
}

}  // namespace skiff::cel
