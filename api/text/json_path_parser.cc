// As client-go reads them, oddities included: "{.}" is the member "", "['a.b']" is the b of a, and
// words that mean nothing are found out when the path is followed.
#include "api/text/json_path_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "api/text/go_unquote.h"
#include "base/text.h"

namespace skiff {
namespace {

using PathNode = JsonPath::Node;
using NodeKind = PathNode::Kind;
using NodePointer = std::shared_ptr<const PathNode>;

// Deeper nesting of ranges is refused.
constexpr int kRangeDepthMax = 32;
// Unions and filters are read by parsers of their own; there is nothing deeper to read.
constexpr int kPartDepthMax = 8;

bool IsTerminator(char c) {
  constexpr std::string_view kTerminators = " \t\r\n.,[]$@{}";
  return kTerminators.find(c) != kTerminators.npos;
}

bool IsWordByte(char c) {
  return IsAlnum(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

std::shared_ptr<PathNode> Make(NodeKind kind, std::string text = "") {
  auto node = std::make_shared<PathNode>();
  node->kind = kind;
  node->text = std::move(text);
  return node;
}

NodePointer Literal(Json value) {
  auto node = Make(NodeKind::kLiteral);
  node->literal = std::move(value);
  return node;
}

std::optional<int64_t> ReadInt(std::string_view text) {
  int64_t value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The three numbers of "[a:b:c]", which `text` is the inside of.
Result<NodePointer> ReadSlice(const std::string& text) {
  constexpr std::string_view kAllowed = "-0123456789:";
  auto node = Make(NodeKind::kSlice);
  std::optional<int64_t>* const numbers[] = {&node->begin, &node->end, &node->step};
  const auto wrong = [&] { return BadPath("invalid array index " + text); };
  if (text.find_first_not_of(kAllowed) != text.npos) return wrong();
  if (std::ranges::count(text, ':') > 2) return wrong();
  node->single = text.find(':') == text.npos;
  size_t begin = 0;
  for (size_t i = 0; begin <= text.size(); ++i) {
    const size_t end = std::min(text.find(':', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    if (part.find('-', 1) != part.npos) return wrong();
    begin = end + 1;
    if (part.empty()) continue;
    *numbers[i] = ReadInt(part);
    if (!*numbers[i]) return BadPath(fmt::format("array index {} is not a number", part));
  }
  return node;
}

class PathParser {
 public:
  explicit PathParser(std::string_view text, int depth = 0) : text_(text), depth_(depth) {}

  // Up to {end} inside a range, else to the end of the text.
  Result<std::vector<NodePointer>> Template(bool in_range) {
    std::vector<NodePointer> nodes;
    while (at_ < text_.size()) {
      const size_t open = text_.find('{', at_);
      if (open != at_) {
        nodes.push_back(Make(NodeKind::kText, std::string(text_.substr(at_, open - at_))));
        at_ = std::min(open, text_.size());
        continue;
      }
      ++at_;
      const auto list = TRY(Action());
      const bool is_word =
          !list->children.empty() && list->children[0]->kind == NodeKind::kIdentifier;
      const std::string word = is_word ? list->children[0]->text : "";
      if (word == "end" && in_range) return nodes;
      if (word != "range") {
        nodes.push_back(list);
        continue;
      }
      list->children.erase(list->children.begin());
      auto node = Make(NodeKind::kRange);
      node->left = list;
      if (++ranges_ > kRangeDepthMax) return BadPath("ranges are nested too deeply");
      node->children = TRY(Template(true));
      --ranges_;
      nodes.push_back(node);
      // As kubectl has it: what follows a range without an end is for each of its items, and then
      // once more for what is around it.
      if (is_unended_) nodes.insert(nodes.end(), node->children.begin(), node->children.end());
    }
    if (in_range && is_unended_) return BadPath("unclosed action");  // Twice as many each time.
    is_unended_ |= in_range;
    return nodes;
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool StartsWith(std::string_view prefix) const { return text_.substr(at_).starts_with(prefix); }

  // One expression, and the "}" behind it.
  Result<std::shared_ptr<PathNode>> Action() {
    auto list = Make(NodeKind::kList);
    while (!StartsWith("}")) TRY(Step(*list));
    ++at_;
    return list;
  }

  Result<> Step(PathNode& list) {
    if (StartsWith("[?(")) return Filter(list);
    if (StartsWith("..")) return Recursive(list);
    if (at_ >= text_.size() || Peek() == '\n' || Peek() == '\r') return BadPath("unclosed action");
    const char c = Peek();
    if (c == '"' || c == '\'') return Quoted(list);
    if (c == '[') return Array(list);
    if (c == '+' || c == '-' || IsDigit(c)) return Number(list);
    if (IsWordByte(c)) return Identifier(list);
    if (c != '.' && c != ' ' && c != '@' && c != '$') return Unrecognized();
    ++at_;
    return c == '.' ? Field(list) : Result<>();
  }

  Result<> Unrecognized() const {
    const std::string number = fmt::format("U+{:04X}", static_cast<unsigned char>(Peek()));
    const std::string text(1, Peek());
    return BadPath("unrecognized character in action: " + number +
                   (UnprintableRunes(text).empty() ? " '" + text + "'" : ""));
  }

  Result<> Identifier(PathNode& list) {
    const size_t begin = at_;
    while (at_ < text_.size() && !IsTerminator(Peek())) ++at_;
    const std::string word(text_.substr(begin, at_ - begin));
    const bool is_bool = word == "true" || word == "false";
    list.children.push_back(is_bool ? Literal(word == "true") : Make(NodeKind::kIdentifier, word));
    return {};
  }

  // Behind the dot. A backslash takes the next character as it is.
  Result<> Field(PathNode& list) {
    std::string name;
    while (at_ < text_.size() && !IsTerminator(Peek())) {
      if (Peek() == '\\' && ++at_ == text_.size()) break;
      name += text_[at_++];
    }
    const bool is_all = name == "*";
    list.children.push_back(Make(is_all ? NodeKind::kWildcard : NodeKind::kField, name));
    return {};
  }

  Result<> Recursive(PathNode& list) {
    if (!list.children.empty() && list.children.back()->kind == NodeKind::kRecursive) {
      return BadPath("invalid multiple recursive descent");
    }
    at_ += 2;
    list.children.push_back(Make(NodeKind::kRecursive));
    return IsWordByte(Peek()) && at_ < text_.size() ? Field(list) : Result<>();
  }

  Result<> Number(PathNode& list) {
    const size_t begin = at_++;
    while (at_ < text_.size() && (IsDigit(Peek()) || Peek() == '.')) ++at_;
    const std::string text(text_.substr(begin, at_ - begin));
    if (const auto whole = ReadInt(text)) {
      list.children.push_back(Literal(*whole));
      return {};
    }
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || *end != '\0') return BadPath("cannot parse number " + text);
    list.children.push_back(Literal(value));
    return {};
  }

  Result<> Quoted(PathNode& list) {
    const size_t begin = at_;
    const char quote = text_[at_++];
    while (at_ < text_.size() && (Peek() != quote || text_[at_ - 1] == '\\')) {
      if (Peek() == '\n') return BadPath("unterminated quoted string");
      ++at_;
    }
    if (at_ == text_.size()) return BadPath("unterminated quoted string");
    const std::string_view whole = text_.substr(begin, ++at_ - begin);
    auto value = GoUnquoted(whole.substr(1, whole.size() - 2), quote);
    if (!value) return BadPath(fmt::format("unquote string {} error invalid syntax", whole));
    list.children.push_back(Literal(*std::move(value)));
    return {};
  }

  // What `text` is the inside of, as an expression of its own.
  Result<std::shared_ptr<PathNode>> Part(const std::string& text) const {
    if (depth_ == kPartDepthMax) return BadPath("expressions are nested too deeply");
    const std::string whole = text + "}";
    return PathParser(whole, depth_ + 1).Action();
  }

  Result<> Array(PathNode& list) {
    const size_t end = text_.find_first_of("]\n", at_);
    if (end == text_.npos || text_[end] != ']') return BadPath("unterminated array");
    std::string inside(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    if (inside == "*") inside = ":";
    if (inside.find(',') != inside.npos) return Union(inside, list);
    const bool is_key =
        inside.size() > 1 && inside.front() == '\'' && inside.find('\'', 1) == inside.size() - 1;
    if (!is_key) {
      NodePointer slice = TRY(ReadSlice(inside));
      list.children.push_back(std::move(slice));
      return {};
    }
    const auto key = TRY(Part("." + inside.substr(1, inside.size() - 2)));
    list.children.insert(list.children.end(), key->children.begin(), key->children.end());
    return {};
  }

  Result<> Union(const std::string& inside, PathNode& list) {
    auto node = Make(NodeKind::kUnion);
    for (size_t begin = 0; begin <= inside.size();) {
      const size_t comma = std::min(inside.find(',', begin), inside.size());
      const std::string_view part =
          WithoutBlanks(std::string_view(inside).substr(begin, comma - begin), " ");
      NodePointer parsed = TRY(Part("[" + std::string(part) + "]"));
      node->children.push_back(std::move(parsed));
      begin = comma + 1;
    }
    list.children.push_back(std::move(node));
    return {};
  }

  // To the ")" that is in no quotes; only the first quotes count.
  Result<std::string> FilterText() {
    const size_t begin = at_;
    char quote = '\0';
    bool closed = false;
    for (; at_ < text_.size() && Peek() != '\n'; ++at_) {
      const char c = Peek();
      if (c == ')' && (quote == '\0' || closed)) break;
      if (c != '"' && c != '\'') continue;
      if (quote == '\0') {
        quote = c;
      } else if (c == quote && text_[at_ - 1] != '\\') {
        closed = true;
      }
    }
    if (Peek() != ')' || at_ >= text_.size()) return BadPath("unterminated filter");
    return std::string(text_.substr(begin, at_++ - begin));
  }

  Result<> Filter(PathNode& list) {
    constexpr std::string_view kOperators = "!<>=";
    at_ += 3;
    const std::string text = TRY(FilterText());
    if (Peek() != ']') return BadPath("unclosed array expect ]");
    ++at_;
    auto node = Make(NodeKind::kFilter, "exists");
    const size_t op = text.find_first_of(kOperators);
    const size_t right = std::min(text.find_first_not_of(kOperators, op), text.size());
    if (op == text.npos || op == 0 || right == text.size()) {
      node->left = TRY(Part(text));
    } else {
      node->text = text.substr(op, right - op);
      node->left = TRY(Part(text.substr(0, op)));
      node->right = TRY(Part(text.substr(right)));
    }
    list.children.push_back(std::move(node));
    return {};
  }

  const std::string_view text_;
  const int depth_;
  size_t at_ = 0;
  int ranges_ = 0;
  bool is_unended_ = false;  // The last range has no {end}.
};

}  // namespace

Result<std::vector<std::shared_ptr<const JsonPath::Node>>> ParseJsonPathNodes(
    std::string_view text) {
  return PathParser(text).Template(false);
}

}  // namespace skiff
