#include "cli/json_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/errors.h"
#include "cli/json_path_parser.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

using Node = JsonPath::Node;
using Kind = Node::Kind;
using Values = std::vector<const Json*>;

struct Evaluation {
  bool allow_missing;
  Result<Values> Apply(const Node& node, const Values& input) const;
  Result<Values> ApplyAll(const Node& list, Values values) const;
  Result<Values> Field(const Node& node, const Values& input) const;
  Result<Values> Slice(const Node& node, const Values& input) const;
  Result<Values> Filter(const Node& node, const Values& input) const;
};

void Descend(const Json& value, Values& out) {
  out.push_back(&value);
  if (!value.is_structured()) return;
  for (const Json& child : value) Descend(child, out);
}

void AppendChildren(const Json& value, Values& out) {
  if (!value.is_structured()) return;
  for (const Json& child : value) out.push_back(&child);
}

bool Compare(const Json& left, const Json& right, const std::string& op) {
  if (op == "==") return left == right;
  if (op == "!=") return left != right;
  const bool comparable =
      (left.is_number() && right.is_number()) || (left.is_string() && right.is_string());
  if (!comparable) return false;
  if (op == "<") return left < right;
  if (op == ">") return right < left;
  if (op == "<=") return !(right < left);
  return !(left < right);
}

Result<Values> Evaluation::Field(const Node& node, const Values& input) const {
  Values out;
  for (const Json* value : input) {
    if (!value->is_object()) continue;
    const auto found = value->find(node.text);
    if (found != value->end()) out.push_back(&*found);
  }
  if (out.empty() && !allow_missing) return CliError(fmt::format("{} is not found", node.text));
  return out;
}

Result<Values> Evaluation::Slice(const Node& node, const Values& input) const {
  Values out;
  for (const Json* value : input) {
    if (!value->is_array()) continue;
    const auto size = static_cast<int64_t>(value->size());
    int64_t begin = node.begin.value_or(0);
    if (begin < 0) begin += size;
    if (node.single) {
      if (begin >= 0 && begin < size) {
        out.push_back(&(*value)[static_cast<size_t>(begin)]);
      } else if (!allow_missing || size > 0) {
        return CliError(fmt::format("array index out of bounds: index {}, length {}", begin, size));
      }
      continue;
    }
    int64_t end = node.end.value_or(size);
    if (end < 0) end += size;
    end = std::min(end, size);
    const int64_t step = node.step.value_or(1);
    if (step <= 0) return CliError("step must be > 0");
    for (int64_t i = std::max<int64_t>(begin, 0); i < end; i += step) {
      out.push_back(&(*value)[static_cast<size_t>(i)]);
    }
  }
  return out;
}

Result<Values> Evaluation::Filter(const Node& node, const Values& input) const {
  Values out;
  const Evaluation lenient{true};
  for (const Json* value : input) {
    if (!value->is_array()) continue;
    for (const Json& item : *value) {
      const Values left = TRY(lenient.Apply(*node.left, {&item}));
      if (left.empty()) continue;
      if (node.text == "exists") {
        out.push_back(&item);
        continue;
      }
      const Values right = TRY(lenient.Apply(*node.right, {&item}));
      if (!right.empty() && Compare(*left[0], *right[0], node.text)) out.push_back(&item);
    }
  }
  return out;
}

Result<Values> Evaluation::ApplyAll(const Node& list, Values values) const {
  for (const auto& child : list.children) values = TRY(Apply(*child, values));
  return values;
}

Result<Values> Evaluation::Apply(const Node& node, const Values& input) const {
  Values out;
  switch (node.kind) {
    case Kind::kText:
    case Kind::kRange:
      return out;
    case Kind::kList:
      return ApplyAll(node, input);
    case Kind::kField:
      return Field(node, input);
    case Kind::kWildcard:
      for (const Json* value : input) AppendChildren(*value, out);
      return out;
    case Kind::kRecursive:
      for (const Json* value : input) Descend(*value, out);
      return out;
    case Kind::kSlice:
      return Slice(node, input);
    case Kind::kFilter:
      return Filter(node, input);
    case Kind::kUnion:
      for (const auto& child : node.children) {
        const Values part = TRY(Apply(*child, input));
        out.insert(out.end(), part.begin(), part.end());
      }
      return out;
    case Kind::kLiteral:
      return Values{&node.literal};
  }
  return out;
}

using Nodes = std::vector<std::shared_ptr<const Node>>;

Result<> Print(const Nodes& nodes, const Json& document, bool allow_missing, std::string& out) {
  const Evaluation evaluation{allow_missing};
  for (const auto& node : nodes) {
    if (node->kind == Kind::kText) {
      out += node->text;
      continue;
    }
    const bool range = node->kind == Kind::kRange;
    const Values found = TRY(evaluation.Apply(range ? *node->left : *node, {&document}));
    bool first = true;
    for (const Json* value : found) {
      if (range) {
        TRY(Print(node->children, *value, allow_missing, out));
        continue;
      }
      if (!first) out += ' ';
      first = false;
      out += PlainText(*value);
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
  TRY(Print(nodes_, document, allow_missing, out));
  return out;
}

Result<std::vector<const Json*>> JsonPath::Find(const Json& document, bool allow_missing) const {
  const Evaluation evaluation{allow_missing};
  Values all;
  for (const auto& node : nodes_) {
    const Values found = TRY(evaluation.Apply(*node, {&document}));
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

Result<std::string> RelaxedPath(const std::string& text) {
  std::string path = text;
  if (path.starts_with('{') && path.ends_with('}')) path = path.substr(1, path.size() - 2);
  if (path.find_first_of("{}") != std::string::npos) {
    return CliError(
        fmt::format("unexpected path string, expected a 'name1.name2' or '.name1.name2' "
                    "or '{{name1.name2}}' or '{{.name1.name2}}'"));
  }
  if (!path.starts_with('.') && !path.starts_with('[') && !path.starts_with('$')) path = "." + path;
  return "{" + path + "}";
}

}  // namespace skiff::cli
