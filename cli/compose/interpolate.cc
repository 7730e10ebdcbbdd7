#include "cli/compose/interpolate.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/go_text.h"
#include "base/text.h"
#include "cli/errors.h"

namespace skiff::cli::compose {
namespace {

// What stands between the braces of ${...}.
struct Expression {
  std::string name;
  std::string_view operation;  // "", ":-", "-", ":?", "?", ":+", "+"
  std::string_view argument;
};

bool BeginsName(char c) {
  return IsLetter(c) || c == '_';
}

size_t NameLength(std::string_view text) {
  if (text.empty() || !BeginsName(text[0])) return 0;
  size_t length = 1;
  while (length < text.size() && (IsAlnum(text[length]) || text[length] == '_')) ++length;
  return length;
}

std::optional<Expression> ExpressionOf(std::string_view inside) {
  const size_t length = NameLength(inside);
  if (length == 0) return std::nullopt;
  Expression expression{std::string(inside.substr(0, length)), "", ""};
  inside.remove_prefix(length);
  if (inside.empty()) return expression;
  const size_t words = inside[0] == ':' ? 2 : 1;
  if (inside.size() < words) return std::nullopt;
  const char last = inside[words - 1];
  if (last != '-' && last != '?' && last != '+') return std::nullopt;
  expression.operation = inside.substr(0, words);
  expression.argument = inside.substr(words);
  return expression;
}

// Where each brace of a text is closed, looked for once: a text may be nothing but open ones.
class Braces {
 public:
  explicit Braces(std::string_view text) : text_(text) {}

  // Of the one at `open`; npos without one.
  size_t ClosingOf(size_t open) {
    if (closing_.empty()) Match();
    return closing_[open];
  }

 private:
  void Match() {
    closing_.assign(text_.size(), std::string_view::npos);
    std::vector<size_t> open;
    for (size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '{') open.push_back(i);
      if (text_[i] != '}' || open.empty()) continue;
      closing_[open.back()] = i;
      open.pop_back();
    }
  }

  const std::string_view text_;
  std::vector<size_t> closing_;
};

class Interpolator {
 public:
  explicit Interpolator(Interpolation& with) : with_(with) {}

  Result<std::string> Text(std::string_view text, int depth) {
    if (depth > kInterpolationDepthMax) {
      return CliError(fmt::format("variables nest deeper than {}", kInterpolationDepthMax));
    }
    std::string out;
    const std::string_view whole = text;
    Braces braces(whole);
    while (!text.empty()) {
      const size_t dollar = std::min(text.find('$'), text.size());
      out += text.substr(0, dollar);
      text.remove_prefix(dollar);
      if (text.empty()) break;
      text.remove_prefix(1);
      if (text.starts_with('$')) {
        out += '$';
        text.remove_prefix(1);
      } else if (const size_t length = NameLength(text)) {
        out += Value(std::string(text.substr(0, length)));
        text.remove_prefix(length);
      } else {
        const size_t at = whole.size() - text.size();
        const size_t end = text.starts_with('{') ? braces.ClosingOf(at) : whole.npos;
        const auto expression =
            end == whole.npos ? std::nullopt : ExpressionOf(whole.substr(at + 1, end - at - 1));
        if (expression) {
          out += TRY(Evaluated(*expression, depth));
          text = whole.substr(end + 1);
        } else if (with_.lenient || !text.starts_with('{')) {
          out += '$';
        } else {
          return CliError(fmt::format(
              "invalid interpolation format: {}; a $ that is meant as such is written $$",
              GoQuote(whole.substr(0, 200))));
        }
      }
      if (out.size() > kInterpolatedBytesMax) {
        return CliError(
            fmt::format("comes to more than {} bytes", kInterpolatedBytesMax));
      }
    }
    return out;
  }

 private:
  std::string Value(const std::string& name) {
    if (auto value = with_.lookup(name)) return std::move(*value);
    with_.unset.emplace(name, with_.at);
    return "";
  }

  Result<std::string> Evaluated(const Expression& expression, int depth) {
    if (expression.operation.empty()) return Value(expression.name);
    auto value = with_.lookup(expression.name);
    const bool colon = expression.operation[0] == ':';
    const bool there = value && !(colon && value->empty());
    switch (expression.operation.back()) {
      case '-':
        if (there) return std::move(*value);
        return Text(expression.argument, depth + 1);
      case '+':
        if (!there) return std::string();
        return Text(expression.argument, depth + 1);
      default:
        break;
    }
    if (there) return std::move(*value);
    const std::string why = TRY(Text(expression.argument, depth + 1));
    return CliError(fmt::format("required variable {} is missing a value{}{}", expression.name,
                                why.empty() ? "" : ": ", why));
  }

  Interpolation& with_;
};

Result<> InterpolateBelow(Node& node, Interpolation& with, size_t& bytes, Mistakes& wrong) {
  for (Node& item : node.items) TRY(InterpolateBelow(item, with, bytes, wrong));
  std::erase_if(node.items, [](const Node& item) { return item.told; });
  for (Member& member : node.members) TRY(InterpolateBelow(member.node, with, bytes, wrong));
  if (!node.IsText()) return {};
  const std::string& text = node.value.get_ref<const std::string&>();
  if (text.find('$') == text.npos) return {};
  with.at = node.place;
  auto value = Interpolate(text, with);
  if (!value) {
    wrong.Add(Wrong(node, value.error().message));
    node.MakeTold();
    return {};
  }
  bytes += value->size();
  if (bytes > kInterpolatedFileBytesMax) {
    return Wrong(node, fmt::format("variables make more than {} bytes of the file",
                                   kInterpolatedFileBytesMax));
  }
  node.value = std::move(*value);
  return {};
}

}  // namespace

Result<std::string> Interpolate(std::string_view text, Interpolation& with) {
  return Interpolator(with).Text(text, 0);
}

Result<> InterpolateTree(Node& node, Interpolation& with, Mistakes& wrong) {
  size_t bytes = 0;
  return InterpolateBelow(node, with, bytes, wrong);
}

}  // namespace skiff::cli::compose
