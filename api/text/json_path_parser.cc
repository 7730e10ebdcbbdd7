#include "api/text/json_path_parser.h"

#include <fmt/format.h>

#include <cctype>

#include "api/codec/json.h"

namespace skiff {
namespace {

using PathNode = JsonPath::Node;
using NodeKind = PathNode::Kind;
using NodePointer = std::shared_ptr<const PathNode>;

// Deeper nesting of filters, and of ranges, is refused.
constexpr int kFilterDepthMax = 32;

class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  // Up to {end} inside a range, else to the end of the text.
  Result<std::vector<NodePointer>> Template(bool in_range) {
    std::vector<NodePointer> nodes;
    while (at_ < text_.size()) {
      const size_t open = text_.find('{', at_);
      if (open != at_) {
        auto node = std::make_shared<PathNode>();
        node->text = text_.substr(at_, open - at_);
        nodes.push_back(std::move(node));
        at_ = std::min(open, text_.size());
        continue;
      }
      ++at_;
      SkipSpace();
      if (Word("range")) {
        auto node = std::make_shared<PathNode>();
        node->kind = NodeKind::kRange;
        node->left = TRY(Expression());
        TRY(Close());
        if (++ranges_ > kFilterDepthMax) return BadPath("ranges are nested too deeply");
        node->children = TRY(Template(true));
        --ranges_;
        nodes.push_back(node);
        // As kubectl has it: what follows a range without an end is for each of its items, and then
        // once more for what is around it.
        if (is_unended_) nodes.insert(nodes.end(), node->children.begin(), node->children.end());
      } else if (Word("end")) {
        TRY(Close());
        if (!in_range) return BadPath("not in range, nothing to end");
        return nodes;
      } else {
        NodePointer node = TRY(Expression());
        nodes.push_back(std::move(node));
        TRY(Close());
      }
    }
    if (in_range && is_unended_) return BadPath("unclosed action");  // Twice as many each time.
    is_unended_ |= in_range;
    return nodes;
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (Peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void SkipSpace() {
    while (Peek() == ' ' || Peek() == '\t') ++at_;
  }
  bool Word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    const size_t after = at_ + word.size();
    const char next = after < text_.size() ? text_[after] : '\0';
    if (std::isalnum(static_cast<unsigned char>(next)) || next == '_') return false;
    at_ = after;
    SkipSpace();
    return true;
  }
  Result<> Close() {
    SkipSpace();
    if (Take('}')) return {};
    if (at_ >= text_.size()) return BadPath("unclosed action");
    return BadPath(std::string("unrecognized character in action: ") + "U+" + Hex(Peek()));
  }
  static std::string Hex(char c) {
    return fmt::format("{:04X} '{}'", static_cast<unsigned char>(c), c);
  }

  // $.a.b[0], @.x, "text", 5
  Result<NodePointer> Expression() {
    if (++depth_ > kFilterDepthMax) return BadPath("expressions are nested too deeply");
    SkipSpace();
    auto list = std::make_shared<PathNode>();
    list->kind = NodeKind::kList;
    if (Peek() == '"' || Peek() == '\'') {
      NodePointer literal = TRY(Quoted());
      list->children.push_back(std::move(literal));
    } else if (std::isdigit(static_cast<unsigned char>(Peek())) || Peek() == '-' || Peek() == '+') {
      NodePointer literal = TRY(Number());
      list->children.push_back(std::move(literal));
    } else if (NodePointer literal = Boolean()) {
      list->children.push_back(std::move(literal));
    } else {
      if (Peek() == '$' || Peek() == '@') ++at_;
      TRY(Steps(*list));
    }
    --depth_;
    return list;
  }

  Result<> Steps(PathNode& list) {
    while (true) {
      if (Take('.')) {
        if (Take('.')) {
          list.children.push_back(Make(NodeKind::kRecursive));
          if (Peek() != '[' && Peek() != '}' && Peek() != '*') {
            NodePointer field = TRY(FieldName());
            list.children.push_back(std::move(field));
          }
          continue;
        }
        if (Take('*')) {
          list.children.push_back(Make(NodeKind::kWildcard));
        } else if (Peek() != '[' && Peek() != '}' && Peek() != ')' && Peek() != ' ') {
          NodePointer field = TRY(FieldName());
          list.children.push_back(std::move(field));
        }
      } else if (Take('[')) {
        NodePointer step = TRY(Bracket());
        list.children.push_back(std::move(step));
      } else if (std::isalpha(static_cast<unsigned char>(Peek())) && list.children.empty()) {
        NodePointer field = TRY(FieldName());
        list.children.push_back(std::move(field));
      } else {
        return {};
      }
    }
  }

  static NodePointer Make(NodeKind kind, std::string text = "") {
    auto node = std::make_shared<PathNode>();
    node->kind = kind;
    node->text = std::move(text);
    return node;
  }

  Result<NodePointer> FieldName() {
    std::string name;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        name += text_[at_ + 1];
        at_ += 2;
      } else if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ||
                 static_cast<unsigned char>(c) >= 0x80 || c == '/') {
        name += c;
        ++at_;
      } else {
        break;
      }
    }
    if (name.empty()) {
      if (at_ >= text_.size()) return BadPath("unclosed action");
      return BadPath("unrecognized character in action: U+" + Hex(Peek()));
    }
    return Make(NodeKind::kField, std::move(name));
  }

  Result<NodePointer> Bracket() {
    SkipSpace();
    if (Take('?')) return Filter();
    // Go looks for the end before it looks at what is inside.
    const size_t end = text_.find_first_of("]\n", at_);
    if (end == text_.npos || text_[end] != ']') return BadPath("unterminated array");
    std::vector<NodePointer> parts;
    while (true) {
      SkipSpace();
      NodePointer part = TRY(Index());
      parts.push_back(std::move(part));
      SkipSpace();
      if (Take(']')) break;
      if (!Take(',')) return BadPath("unterminated array");
    }
    if (parts.size() == 1) return parts[0];
    auto node = std::make_shared<PathNode>();
    node->kind = NodeKind::kUnion;
    node->children = std::move(parts);
    return node;
  }

  Result<NodePointer> Index() {
    if (Take('*')) return Make(NodeKind::kSlice);  // All of a list; of a map it is ".*".
    if (Peek() == '"' || Peek() == '\'') {
      const NodePointer quoted = TRY(Quoted());
      return Make(NodeKind::kField, quoted->literal.get<std::string>());
    }
    auto node = std::make_shared<PathNode>();
    node->kind = NodeKind::kSlice;
    std::optional<int64_t>* const numbers[] = {&node->begin, &node->end, &node->step};
    node->single = true;
    for (int i = 0; i < 3; ++i) {
      if (std::isdigit(static_cast<unsigned char>(Peek())) || Peek() == '-') {
        const size_t begin = at_;
        const NodePointer number = TRY(Number());
        if (!number->literal.is_number_integer()) {
          return BadPath(fmt::format("array index {} is not a number",
                                     text_.substr(begin, at_ - begin)));
        }
        *numbers[i] = number->literal.get<int64_t>();
      }
      if (!Take(':')) break;
      node->single = false;
    }
    if (node->single && !node->begin) {
      return BadPath("invalid array index " + std::string(text_.substr(at_, 1)));
    }
    return node;
  }

  Result<NodePointer> Filter() {
    if (!Take('(')) return BadPath("unclosed action");
    auto node = std::make_shared<PathNode>();
    node->kind = NodeKind::kFilter;
    node->text = "exists";
    node->left = TRY(Expression());
    SkipSpace();
    for (const char* op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (text_.substr(at_).starts_with(op)) {
        node->text = op;
        at_ += node->text.size();
        node->right = TRY(Expression());
        break;
      }
    }
    SkipSpace();
    if (!Take(')') || !Take(']')) return BadPath("unterminated filter");
    return node;
  }

  Result<NodePointer> Quoted() {
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      char c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        c = text_[at_++];
        if (c == 'n') c = '\n';
        if (c == 't') c = '\t';
        if (c == 'r') c = '\r';
      }
      value += c;
    }
    if (at_ >= text_.size()) return BadPath("unterminated quoted string");
    ++at_;
    auto node = std::make_shared<PathNode>();
    node->kind = NodeKind::kLiteral;
    node->literal = std::move(value);
    return node;
  }

  Result<NodePointer> Number() {
    const size_t begin = at_;
    if (Peek() == '-' || Peek() == '+') ++at_;
    while (std::isdigit(static_cast<unsigned char>(Peek())) || Peek() == '.') ++at_;
    std::string_view text = text_.substr(begin, at_ - begin);
    if (text.starts_with('+')) text.remove_prefix(1);
    auto node = std::make_shared<PathNode>();
    node->kind = NodeKind::kLiteral;
    if (text.empty() || text == "-") return BadPath("bad number in a JSONPath expression");
    node->literal = JsonNumber(text);
    return node;
  }

  NodePointer Boolean() {
    for (const bool value : {true, false}) {
      if (!Word(value ? "true" : "false")) continue;
      auto node = std::make_shared<PathNode>();
      node->kind = NodeKind::kLiteral;
      node->literal = value;
      return node;
    }
    return nullptr;
  }

  const std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0, ranges_ = 0;
  bool is_unended_ = false;  // The last range has no {end}.
};

}  // namespace

Result<std::vector<std::shared_ptr<const JsonPath::Node>>> ParseJsonPathNodes(
    std::string_view text) {
  return PathParser(text).Template(false);
}

}  // namespace skiff
