// Grammar of a label selector's text:
//
//   selector    := [requirement {"," requirement}]
//   requirement := key | "!" key | key exact value | key set "(" [value] {"," [value]} ")"
//   exact       := "=" | "==" | "!=" | ">" | "<"
//   set         := "in" | "notin"
//
// White space separates words and is skipped. "in" and "notin" are operators after a key only.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "api/gen/meta_v1.h"
#include "api/rules/names.h"
#include "api/select/selector.h"
#include "api/violations.h"

namespace skiff {
namespace {

enum class Token : uint8_t {
  kEnd,
  kWord,
  kIn,
  kNotIn,
  kComma,
  kOpen,
  kClose,
  kNot,
  kEquals,
  kDoubleEquals,
  kNotEquals,
  kGreater,
  kLess,
};

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kSpecial = "=!(),><";

struct Lexeme {
  Token token = Token::kEnd;
  std::string_view text;
};

// Words one after the other: a megabyte of them is never held as a list.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text.substr(0, text.find('\0'))) {}

  Lexeme Next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
    if (rest_.empty()) return {};
    size_t length = 1;
    Token token = Token::kWord;
    if (rest_.starts_with("==") || rest_.starts_with("!=")) {
      token = rest_[0] == '=' ? Token::kDoubleEquals : Token::kNotEquals;
      length = 2;
    } else if (const size_t at = kSpecial.find(rest_[0]); at != std::string_view::npos) {
      constexpr Token kTokens[] = {Token::kEquals, Token::kNot,     Token::kOpen, Token::kClose,
                                   Token::kComma,  Token::kGreater, Token::kLess};
      token = kTokens[at];
    } else {
      length = std::min(rest_.find_first_of(" \t\r\n=!(),><"), rest_.size());
      const std::string_view word = rest_.substr(0, length);
      token = word == "in" ? Token::kIn : word == "notin" ? Token::kNotIn : Token::kWord;
    }
    const Lexeme lexeme = {token, rest_.substr(0, length)};
    rest_.remove_prefix(length);
    return lexeme;
  }

 private:
  std::string_view rest_;
};

std::optional<int64_t> ParseInteger(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || text.empty() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

tl::unexpected<Error> Bad(std::string message) {
  return Fail(Reason::kBadRequest, std::move(message));
}

// Keys and values must be those of labels. The errors are at `values` and at the root for the key.
Result<> CheckRequirement(const LabelRequirement& requirement) {
  Violations out;
  if (const Messages errors = LabelKeyErrors(requirement.key); !errors.empty()) {
    out.Invalid(FieldPath("key"), requirement.key, fmt::format("{}", fmt::join(errors, "; ")));
  }
  const FieldPath path("values");
  const bool is_set =
      requirement.op == LabelOperator::kIn || requirement.op == LabelOperator::kNotIn;
  if (is_set && requirement.values.empty()) {
    out.Invalid(path, Json::array(), "for 'in', 'notin' operators, values set can't be empty");
  }
  const bool bare =
      requirement.op == LabelOperator::kExists || requirement.op == LabelOperator::kDoesNotExist;
  if (bare && !requirement.values.empty()) {
    out.Invalid(path, requirement.values,
                "values set must be empty for exists and does not exist");
  }
  const bool ordered =
      requirement.op == LabelOperator::kGreaterThan || requirement.op == LabelOperator::kLessThan;
  for (size_t i = 0; ordered && i < requirement.values.size(); ++i) {
    if (ParseInteger(requirement.values[i])) continue;
    out.Invalid(path.Index(i), requirement.values[i],
                "for 'Gt', 'Lt' operators, the value must be an integer");
  }
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    const Messages errors = LabelValueErrors(requirement.values[i]);
    if (errors.empty()) continue;
    out.Invalid(path.Index(i).Key(requirement.key), requirement.values[i],
                fmt::format("{}", fmt::join(errors, "; ")));
  }
  if (out.empty()) return {};
  return Bad(out.Text());
}

class Parser {
 public:
  explicit Parser(std::string_view text) : scanner_(text) {}

  Result<std::vector<LabelRequirement>> Parse() {
    std::vector<LabelRequirement> out;
    while (Peek().token != Token::kEnd) {
      if (Peek().token != Token::kWord && Peek().token != Token::kNot) {
        return Bad(
            fmt::format("found '{}', expected: !, identifier, or 'end of string'", Peek().text));
      }
      auto requirement = ParseRequirement();
      if (!requirement) {
        return Bad("unable to parse requirement: " + requirement.error().message);
      }
      out.push_back(*std::move(requirement));
      const Lexeme after = Next();
      if (after.token == Token::kEnd) break;
      if (after.token != Token::kComma) {
        return Bad(fmt::format("found '{}', expected: ',' or 'end of string'", after.text));
      }
      if (Peek().token != Token::kWord && Peek().token != Token::kNot) {
        return Bad(fmt::format("found '{}', expected: identifier after ','", Peek().text));
      }
    }
    return out;
  }

 private:
  // Outside of the place of an operator, "in" and "notin" are words as any other.
  static Lexeme AsValue(Lexeme lexeme) {
    const bool keyword = lexeme.token == Token::kIn || lexeme.token == Token::kNotIn;
    return {keyword ? Token::kWord : lexeme.token, lexeme.text};
  }
  Lexeme Peek() const { return AsValue(next_); }
  Lexeme NextOperator() {
    return std::exchange(next_, scanner_.Next());
  }
  Lexeme Next() { return AsValue(NextOperator()); }

  Result<LabelRequirement> ParseRequirement() {
    LabelRequirement out;
    Lexeme lexeme = Next();
    const bool negated = lexeme.token == Token::kNot;
    if (negated) lexeme = Next();
    if (lexeme.token != Token::kWord) {
      return Bad(fmt::format("found '{}', expected: identifier", lexeme.text));
    }
    out.key = lexeme.text;
    if (const Messages errors = LabelKeyErrors(out.key); !errors.empty()) {
      Violations wrong;
      wrong.Invalid(FieldPath(), out.key, fmt::format("{}", fmt::join(errors, "; ")));
      return Bad(wrong.Text());
    }
    if (negated) {
      out.op = LabelOperator::kDoesNotExist;
      return out;
    }
    if (Peek().token == Token::kEnd || Peek().token == Token::kComma) return out;
    out.op = TRY(ParseOperator());
    const bool is_set = out.op == LabelOperator::kIn || out.op == LabelOperator::kNotIn;
    const auto values = TRY(is_set ? ParseSet() : ParseExactValue());
    out.values.assign(values.begin(), values.end());
    TRY(CheckRequirement(out));
    return out;
  }

  Result<LabelOperator> ParseOperator() {
    const Lexeme lexeme = NextOperator();
    switch (lexeme.token) {
      case Token::kIn:
        return LabelOperator::kIn;
      case Token::kNotIn:
        return LabelOperator::kNotIn;
      case Token::kEquals:
        return LabelOperator::kEquals;
      case Token::kDoubleEquals:
        return LabelOperator::kDoubleEquals;
      case Token::kNotEquals:
        return LabelOperator::kNotEquals;
      case Token::kGreater:
        return LabelOperator::kGreaterThan;
      case Token::kLess:
        return LabelOperator::kLessThan;
      default:
        return Bad(fmt::format("found '{}', expected: in, notin, =, ==, !=, gt, lt", lexeme.text));
    }
  }

  using Values = std::set<std::string, std::less<>>;

  Result<Values> ParseExactValue() {
    if (Peek().token == Token::kEnd || Peek().token == Token::kComma) return Values{""};
    const Lexeme lexeme = Next();
    if (lexeme.token == Token::kWord) return Values{std::string(lexeme.text)};
    return Bad(fmt::format("found '{}', expected: identifier", lexeme.text));
  }

  Result<Values> ParseSet() {
    if (const Lexeme open = Next(); open.token != Token::kOpen) {
      return Bad(fmt::format("found '{}' expected: '('", open.text));
    }
    const Lexeme first = Peek();
    if (first.token == Token::kClose) {
      Next();
      return Values{""};
    }
    if (first.token != Token::kWord && first.token != Token::kComma) {
      return Bad(fmt::format("found '{}', expected: ',', ')' or identifier", first.text));
    }
    const auto values = TRY(ParseList());
    if (Next().token != Token::kClose) {
      return Bad(fmt::format("found '{}', expected: ')'", first.text));
    }
    return values;
  }

  // Up to the closing parenthesis; an empty item is the empty value.
  Result<Values> ParseList() {
    Values values;
    for (;;) {
      const Lexeme lexeme = Next();
      const Lexeme after = Peek();
      if (lexeme.token == Token::kWord) {
        values.emplace(lexeme.text);
        if (after.token == Token::kClose) return values;
        if (after.token != Token::kComma) {
          return Bad(fmt::format("found '{}', expected: ',' or ')'", after.text));
        }
      } else if (lexeme.token == Token::kComma) {
        if (values.empty() || after.token == Token::kClose || after.token == Token::kComma) {
          values.emplace("");
        }
        if (after.token == Token::kClose) return values;
        if (after.token == Token::kComma) Next();
      } else {
        return Bad(fmt::format("found '{}', expected: ',', or identifier", lexeme.text));
      }
    }
  }

  Scanner scanner_;
  Lexeme next_ = scanner_.Next();
};

void SortByKey(std::vector<LabelRequirement>& requirements) {
  std::stable_sort(requirements.begin(), requirements.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
}

Result<LabelOperator> OperatorOf(const std::string& name) {
  if (name == "In") return LabelOperator::kIn;
  if (name == "NotIn") return LabelOperator::kNotIn;
  if (name == "Exists") return LabelOperator::kExists;
  if (name == "DoesNotExist") return LabelOperator::kDoesNotExist;
  return Bad(fmt::format("\"{}\" is not a valid label selector operator", name));
}

}  // namespace

void LabelRule::Add(const LabelRequirement& requirement) {
  const std::vector<std::string>& values = requirement.values;  // Sorted.
  std::vector<std::string> merged;
  const auto bound = values.size() == 1 ? ParseInteger(values[0]) : std::nullopt;
  switch (requirement.op) {
    case LabelOperator::kEquals:
    case LabelOperator::kDoubleEquals:
    case LabelOperator::kIn:
      needed = true;
      if (allowed) {
        std::set_intersection(allowed->begin(), allowed->end(), values.begin(), values.end(),
                              std::back_inserter(merged));
      }
      allowed = allowed ? std::move(merged) : values;
      return;
    case LabelOperator::kNotEquals:
    case LabelOperator::kNotIn:
      forbidden.insert(forbidden.end(), values.begin(), values.end());
      return;
    case LabelOperator::kExists:
      needed = true;
      return;
    case LabelOperator::kDoesNotExist:
      refused = true;
      return;
    case LabelOperator::kGreaterThan:
      needed = true;
      refused = refused || !bound;
      if (bound) above = std::max(above.value_or(*bound), *bound);
      return;
    case LabelOperator::kLessThan:
      needed = true;
      refused = refused || !bound;
      if (bound) below = std::min(below.value_or(*bound), *bound);
      return;
  }
}

bool LabelRule::Takes(std::string_view value) const {
  const auto holds = [&](const std::vector<std::string>& values) {
    return std::binary_search(values.begin(), values.end(), value);
  };
  if (refused || (allowed && !holds(*allowed)) || holds(forbidden)) return false;
  if (!above && !below) return true;
  const auto number = ParseInteger(value);
  return number && (!above || *number > *above) && (!below || *number < *below);
}

std::string LabelRequirement::Text() const {
  const std::string list = fmt::format("{}", fmt::join(values, ","));
  switch (op) {
    case LabelOperator::kEquals:
      return key + "=" + list;
    case LabelOperator::kDoubleEquals:
      return key + "==" + list;
    case LabelOperator::kNotEquals:
      return key + "!=" + list;
    case LabelOperator::kGreaterThan:
      return key + ">" + list;
    case LabelOperator::kLessThan:
      return key + "<" + list;
    case LabelOperator::kIn:
      return key + " in (" + list + ")";
    case LabelOperator::kNotIn:
      return key + " notin (" + list + ")";
    case LabelOperator::kExists:
      return key;
    case LabelOperator::kDoesNotExist:
      return "!" + key;
  }
  return key;
}

LabelSelector::LabelSelector(std::vector<LabelRequirement> requirements)
    : requirements_(std::move(requirements)) {
  SortByKey(requirements_);
  for (const LabelRequirement& requirement : requirements_) {
    if (rules_.empty() || rules_.back().key != requirement.key) {
      rules_.push_back({.key = requirement.key});
    }
    rules_.back().Add(requirement);
  }
  for (LabelRule& rule : rules_) {
    std::sort(rule.forbidden.begin(), rule.forbidden.end());
    needed_ += rule.needed;
  }
}

const LabelRule* LabelSelector::FindRule(std::string_view key) const {
  const auto place = std::lower_bound(
      rules_.begin(), rules_.end(), key,
      [](const LabelRule& rule, std::string_view wanted) { return rule.key < wanted; });
  return place == rules_.end() || place->key != key ? nullptr : &*place;
}

LabelSelector LabelSelector::Nothing() {
  LabelSelector out;
  out.nothing_ = true;
  return out;
}

Result<LabelSelector> LabelSelector::Parse(std::string_view text) {
  std::vector<LabelRequirement> requirements = TRY(Parser(text).Parse());
  return LabelSelector(std::move(requirements));
}

Result<LabelSelector> LabelSelector::From(const meta_v1::LabelSelector& selector) {
  std::vector<LabelRequirement> out = FromMap(selector.match_labels).requirements_;
  for (const auto& expression : selector.match_expressions) {
    LabelRequirement requirement{.key = expression.key};
    requirement.op = TRY(OperatorOf(expression.operator_));
    const std::set<std::string> values(expression.values.begin(), expression.values.end());
    requirement.values.assign(values.begin(), values.end());
    out.push_back(std::move(requirement));
  }
  for (const LabelRequirement& requirement : out) TRY(CheckRequirement(requirement));
  return LabelSelector(std::move(out));
}

LabelSelector LabelSelector::FromMap(const std::map<std::string, std::string>& labels) {
  std::vector<LabelRequirement> out;
  for (const auto& [key, value] : labels) out.push_back({key, LabelOperator::kEquals, {value}});
  return LabelSelector(std::move(out));
}

bool LabelSelector::Matches(const std::map<std::string, std::string>& labels) const {
  return MatchesEach([&](auto take) {
    for (const auto& [name, value] : labels) take(name, value);
  });
}

std::string LabelSelector::Text() const {
  std::string out;
  for (const LabelRequirement& requirement : requirements_) {
    if (!out.empty()) out += ',';
    out += requirement.Text();
  }
  return out;
}

std::string LabelsText(const std::map<std::string, std::string>& labels) {
  return labels.empty() ? "<none>" : LabelSelector::FromMap(labels).Text();
}

std::string LabelSelectorText(const meta_v1::LabelSelector& selector) {
  const auto parsed = LabelSelector::From(selector);
  if (!parsed) return "<error>";
  return parsed->empty() ? "<none>" : parsed->Text();
}

}  // namespace skiff
