#include "api/text/json_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "api/cel/limits.h"
#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/json_path_parser.h"

namespace skiff {
namespace {

using PathNode = JsonPath::Node;
using NodeKind = PathNode::Kind;
using PathValues = std::vector<const Json*>;

// A scalar as people write it; documents as compact JSON.
std::string ScalarOrJson(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "null";
  return value.is_structured() ? GoJson(value) : GoPlain(value);
}

// A name or a text that is compared or told costs a visit more for so many of its bytes.
constexpr size_t kTextBytesPerVisit = 64;

// What is left of those that a path may make.
struct Visits {
  size_t left = SIZE_MAX;
  bool are_spent = false;  // More were asked for: whatever was found, it is not all.
};

// Of one path on one document.
class Evaluation {
 public:
  Evaluation(bool allow_missing, Visits& visits)
      : allow_missing_(allow_missing), tells_values_(visits.left == SIZE_MAX), visits_(visits) {}
  Result<PathValues> Apply(const PathNode& node, const PathValues& input) const;

 private:
  Result<PathValues> ApplyAll(const PathNode& list, PathValues values) const;
  Result<PathValues> Field(const PathNode& node, const PathValues& input) const;
  Result<PathValues> Slice(const PathNode& node, const PathValues& input) const;
  Result<PathValues> Filter(const PathNode& node, const PathValues& input) const;
  Result<bool> Passes(const PathNode& filter, const Json& item) const;
  Result<bool> Holds(const Json& left, const Json& right, const std::string& op) const;
  Result<> Visit(size_t values) const;
  Result<> VisitText(size_t bytes) const { return Visit(bytes / kTextBytesPerVisit); }
  Result<> Descend(const Json& value, PathValues& out) const;

  const bool allow_missing_;
  // Whether errors have values in them, which may be as long as the document: whoever counts visits
  // looks along very many paths, and at no error.
  const bool tells_values_;
  Visits& visits_;
};

tl::unexpected<Error> TooManyVisits() {
  return BadPath("the path visits too many values");
}

// Recursive steps and filters multiply: a short path may visit a document's values many times. Once
// it was too often it stays so: a filter takes what fails for what is there.
Result<> Evaluation::Visit(size_t values) const {
  if (visits_.are_spent || values > visits_.left) {
    visits_.are_spent = true;
    return TooManyVisits();
  }
  visits_.left -= values;
  cel::looks_of_thread += values;
  return {};
}

// What has anything in it.
Result<> Evaluation::Descend(const Json& value, PathValues& out) const {
  TRY(Visit(1));
  const bool holds = value.is_string() ? !value.get_ref<const std::string&>().empty()
                                       : value.is_structured() && !value.empty();
  if (!holds) return {};
  out.push_back(&value);
  if (!value.is_structured()) return {};
  for (const Json& child : value) TRY(Descend(child, out));
  return {};
}

// How much of two texts a comparison looks at, at most.
size_t ComparedBytes(const Json& left, const Json& right) {
  return std::min(left.get_ref<const std::string&>().size(),
                  right.get_ref<const std::string&>().size());
}

Result<bool> Evaluation::Holds(const Json& left, const Json& right, const std::string& op) const {
  constexpr std::string_view kOperators[] = {"==", "!=", "<=", ">=", "<", ">"};
  if (std::ranges::find(kOperators, op) == std::end(kOperators)) {
    TRY(VisitText(op.size()));
    return BadPath("unrecognized filter operator " + op);
  }
  const GoBasic basic = GoBasicOf(left), other = GoBasicOf(right);
  if (basic == GoBasic::kNone || other == GoBasic::kNone) {
    return BadPath("invalid type for comparison");
  }
  if (basic != other) return BadPath("incompatible types for comparison");
  if (basic == GoBasic::kText) TRY(VisitText(ComparedBytes(left, right)));
  if (op == "==") return left == right;
  if (op == "!=") return left != right;
  if (basic == GoBasic::kBool) return BadPath("invalid type for comparison");
  if (op == "<") return left < right;
  if (op == ">") return right < left;
  if (op == "<=") return !(right < left);
  return !(left < right);
}

Result<PathValues> Evaluation::Field(const PathNode& node, const PathValues& input) const {
  PathValues out;
  if (input.empty()) return out;
  for (const Json* value : input) {
    if (!value->is_object()) continue;
    // Held against so many names.
    const auto names = static_cast<size_t>(std::bit_width(value->size()));
    TRY(VisitText(node.text.size() * names));
    const auto found = value->find(node.text);
    if (found != value->end()) out.push_back(&*found);
  }
  if (out.empty() && !allow_missing_) return BadPath(fmt::format("{} is not found", node.text));
  return out;
}

Result<PathValues> Evaluation::Slice(const PathNode& node, const PathValues& input) const {
  PathValues out;
  for (const Json* value : input) {
    if (value->is_null()) continue;
    if (!value->is_array()) {
      return BadPath(std::string(GoTypeOf(*value)) + " is not array or slice");
    }
    const auto size = static_cast<int64_t>(value->size());
    const auto from_end = [&](int64_t index) { return index < 0 ? index + size : index; };
    const auto outside = [&](int64_t index) {
      return BadPath(fmt::format("array index out of bounds: index {}, length {}", index, size));
    };
    const int64_t begin = from_end(node.begin.value_or(0));
    if (!node.single && begin == from_end(node.end.value_or(size))) return out;
    if (begin < 0 || begin >= size) return outside(begin);
    const int64_t end = node.single ? begin + 1 : from_end(node.end.value_or(size));
    if (end < 0 || end > size) return outside(end - 1);
    if (begin > end) {
      return BadPath(fmt::format("starting index {} is greater than ending index {}", begin, end));
    }
    const int64_t step = node.step.value_or(1);
    if (step <= 0) return BadPath("step must be > 0");
    TRY(Visit(static_cast<size_t>(end - begin)));
    for (int64_t i = begin; i < end; i += std::min(step, end - i)) {
      out.push_back(&(*value)[static_cast<size_t>(i)]);
    }
  }
  return out;
}

// Whether there is anything. As client-go has it, what cannot be followed is there.
bool IsFound(const Result<PathValues>& found) {
  if (found) return !found->empty();
  return !found.error().message.ends_with(" is not found");
}

Result<bool> Evaluation::Passes(const PathNode& filter, const Json& item) const {
  const auto found = Apply(*filter.left, {&item});
  if (filter.text == "exists") return IsFound(found);
  const PathValues left = TRY(found);
  if (left.empty()) return false;
  const char* several = "can only compare one element at a time";
  if (left.size() > 1) return BadPath(several);
  const PathValues right = TRY(Apply(*filter.right, {&item}));
  if (right.empty()) return false;
  if (right.size() > 1) return BadPath(several);
  return Holds(*left[0], *right[0], filter.text);
}

Result<PathValues> Evaluation::Filter(const PathNode& node, const PathValues& input) const {
  PathValues out;
  for (const Json* value : input) {
    if (!value->is_array()) {
      return BadPath((tells_values_ ? GoPlain(*value) : "a value") +
                     " is not array or slice and cannot be filtered");
    }
    for (const Json& item : *value) {
      TRY(Visit(1));
      const bool passes = TRY(Passes(node, item));
      if (passes) out.push_back(&item);
    }
  }
  return out;
}

Result<PathValues> Evaluation::ApplyAll(const PathNode& list, PathValues values) const {
  for (const auto& child : list.children) values = TRY(Apply(*child, values));
  return values;
}

Result<PathValues> Evaluation::Apply(const PathNode& node, const PathValues& input) const {
  PathValues out;
  // Steps where nothing is left to go on from take their time, too.
  TRY(Visit(std::max<size_t>(input.size(), 1)));
  switch (node.kind) {
    case NodeKind::kText:
    case NodeKind::kRange:
      return out;
    case NodeKind::kList:
      return ApplyAll(node, input);
    case NodeKind::kField:
      return Field(node, input);
    case NodeKind::kWildcard:
      for (const Json* value : input) {
        if (!value->is_structured()) continue;
        TRY(Visit(value->size()));
        for (const Json& child : *value) out.push_back(&child);
      }
      return out;
    case NodeKind::kRecursive:
      for (const Json* value : input) TRY(Descend(*value, out));
      return out;
    case NodeKind::kSlice:
      return Slice(node, input);
    case NodeKind::kFilter:
      return Filter(node, input);
    case NodeKind::kUnion:
      for (const auto& child : node.children) {
        const PathValues part = TRY(Apply(*child, input));
        out.insert(out.end(), part.begin(), part.end());
      }
      return out;
    case NodeKind::kLiteral:
      out.assign(node.literal.is_string() ? 1 : input.size(), &node.literal);
      return out;
    case NodeKind::kIdentifier:
      TRY(VisitText(node.text.size()));
      return BadPath(node.text == "end" ? "not in range, nothing to end"
                                        : "unrecognized identifier " + node.text);
  }
  return out;
}

using PathNodes = std::vector<std::shared_ptr<const PathNode>>;

Result<> PrintFound(const PathNodes& nodes, const Json& document, const Evaluation& evaluation,
                    std::string& out) {
  for (const auto& node : nodes) {
    if (node->kind == NodeKind::kText) {
      out += node->text;
      continue;
    }
    const bool range = node->kind == NodeKind::kRange;
    const PathValues found = TRY(evaluation.Apply(range ? *node->left : *node, {&document}));
    if (range) {
      for (const Json* value : found) TRY(PrintFound(node->children, *value, evaluation, out));
      // What is wrong in it is wrong without any items, too.
      std::string nothing;
      if (found.empty()) TRY(PrintFound(node->children, Json(), evaluation, nothing));
      continue;
    }
    for (size_t i = 0; i < found.size(); ++i) {
      if (i > 0) out += ' ';
      const bool is_missing = found[i] == &document && document.is_null();
      out += is_missing ? "<no value>" : ScalarOrJson(*found[i]);
    }
  }
  return {};
}

}  // namespace

Result<JsonPath> JsonPath::Parse(std::string_view text) {
  JsonPath path;
  path.nodes_ = TRY(ParseJsonPathNodes(text));
  return path;
}

Result<std::string> JsonPath::Execute(const Json& document, bool allow_missing) const {
  std::string out;
  Visits visits;
  TRY(PrintFound(nodes_, document, Evaluation(allow_missing, visits), out));
  return out;
}

Result<std::vector<std::vector<const Json*>>> JsonPath::FindEach(const Json& document,
                                                                 bool allow_missing) const {
  Visits visits;
  const Evaluation evaluation(allow_missing, visits);
  std::vector<std::vector<const Json*>> all;
  for (const auto& node : nodes_) {
    const PathValues found = TRY(evaluation.Apply(*node, {&document}));
    all.emplace_back(found.begin(), found.end());
  }
  return all;
}

Result<std::vector<const Json*>> JsonPath::Find(const Json& document, bool allow_missing,
                                                size_t visits_max) const {
  Visits visits{.left = visits_max};
  const Evaluation evaluation(allow_missing, visits);
  PathValues all;
  for (const auto& node : nodes_) {
    const PathValues found = TRY(evaluation.Apply(*node, {&document}));
    all.insert(all.end(), found.begin(), found.end());
  }
  if (visits.are_spent) return TooManyVisits();
  return all;
}

Result<std::string> RelaxedPath(const std::string& text) {
  std::string path = text;
  if (path.starts_with('{') && path.ends_with('}')) path = path.substr(1, path.size() - 2);
  if (path.find_first_of("{}") != std::string::npos) {
    return BadPath(
        fmt::format("unexpected path string, expected a 'name1.name2' or '.name1.name2' "
                    "or '{{name1.name2}}' or '{{.name1.name2}}'"));
  }
  if (!path.starts_with('.') && !path.starts_with('[') && !path.starts_with('$')) path = "." + path;
  return "{" + path + "}";
}

}  // namespace skiff
