#include "cli/go_template.h"

#include <fmt/format.h>

#include "api/text/go_text.h"
#include "cli/errors.h"
#include "cli/go_template_tree.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

// A template that ranges over a range of ranges may print without end.
constexpr size_t kOutputBytesMax = 256 << 20;
// Templates that call each other; each takes some of the stack, and so does each block in them.
constexpr int kCallsMax = 1000;
constexpr int kNestedMax = 20'000;

class Execution {
 public:
  Execution(const TemplateNodes& parsed, const Json& document, bool allow_missing)
      : parsed_(parsed), allow_missing_(allow_missing) {
    variables_.emplace_back("$", document);
  }

  enum class Flow : uint8_t { kOn, kBreak, kContinue };
  Result<Flow> Run(const std::vector<TemplateNode>& nodes, const Json& dot) {
    if (nested_ == kNestedMax) {
      return CliError(fmt::format("blocks and templates are within each other more than {} times",
                                  kNestedMax));
    }
    ++nested_;
    auto flow = RunAll(nodes, dot);
    --nested_;
    return flow;
  }
  std::string TakeText() { return std::move(text_); }

 private:
  Result<Flow> RunAll(const std::vector<TemplateNode>& nodes, const Json& dot);
  Result<Json> Evaluate(const TemplatePipeline& pipeline, const Json& dot);
  Result<Json> EvaluateCommand(const std::vector<TemplateOperand>& command, const Json& dot,
                               const Json* last);
  Result<Json> EvaluateOperand(const TemplateOperand& operand, const Json& dot);
  Result<Json> Choose(const std::vector<TemplateOperand>& command, const Json& dot,
                      const Json* last);
  Result<Json> Members(Json value, const std::vector<std::string>& names) const;
  Result<Flow> RunRange(const TemplateNode& node, const Json& dot);
  Result<> Assign(const std::string& name, Json value, bool declares);

  // Runs the template of that name, which sees no variables but its own "$".
  Result<> Call(const TemplateNode& node, const Json& dot);

  const TemplateNodes& parsed_;
  const bool allow_missing_;
  int calls_ = 0;   // Within each other.
  int nested_ = 0;  // They, and blocks.
  std::vector<std::pair<std::string, Json>> variables_;  // The inner ones last.
  std::string text_;
};

Result<Json> Execution::Members(Json value, const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    if (value.is_object()) {
      const auto found = value.find(name);
      if (found == value.end() && !allow_missing_) {
        return CliError(fmt::format("map has no entry for key \"{}\"", name));
      }
      Json inner = found == value.end() ? Json() : *found;
      value = std::move(inner);
    } else if (!value.is_null()) {
      const char* type = value.is_string()   ? "string"
                         : value.is_array()  ? "[]interface {}"
                         : value.is_number() ? "int64"
                                             : "bool";
      return CliError(fmt::format("can't evaluate field {} in type {}", name, type));
    } else if (!allow_missing_) {
      return CliError(fmt::format("nil data; no entry for key \"{}\"", name));
    }
  }
  return value;
}

Result<Json> Execution::EvaluateOperand(const TemplateOperand& operand, const Json& dot) {
  switch (operand.kind) {
    case TemplateOperand::Kind::kDot:
      return Members(dot, operand.members);
    case TemplateOperand::Kind::kVariable:
      for (auto at = variables_.rbegin(); at != variables_.rend(); ++at) {
        if (at->first == operand.name) return Members(at->second, operand.members);
      }
      return CliError(fmt::format("undefined variable \"{}\"", operand.name));
    case TemplateOperand::Kind::kLiteral:
      return operand.literal;
    case TemplateOperand::Kind::kFunction:
      return EvaluateCommand({operand}, dot, nullptr);
    case TemplateOperand::Kind::kPipeline: {
      Json value = TRY(Evaluate(*operand.pipeline, dot));
      return Members(std::move(value), operand.members);
    }
  }
  return Json();
}

// "and" and "or" look no further than they must.
Result<Json> Execution::Choose(const std::vector<TemplateOperand>& command, const Json& dot,
                               const Json* last) {
  const bool stops_at = command[0].name == "or";
  Json value;
  for (size_t i = 1; i < command.size(); ++i) {
    value = TRY(EvaluateOperand(command[i], dot));
    if (TemplateTruth(value) == stops_at) return value;
  }
  return last ? *last : value;
}

Result<Json> Execution::EvaluateCommand(const std::vector<TemplateOperand>& command,
                                        const Json& dot, const Json* last) {
  const TemplateOperand& first = command[0];
  if (first.kind != TemplateOperand::Kind::kFunction) {
    if (command.size() > 1 || last) return CliError("can't give argument to non-function");
    return EvaluateOperand(first, dot);
  }
  if (first.name == "and" || first.name == "or") return Choose(command, dot, last);
  std::vector<Json> arguments;
  for (size_t i = 1; i < command.size(); ++i) {
    Json argument = TRY(EvaluateOperand(command[i], dot));
    arguments.push_back(std::move(argument));
  }
  if (last) arguments.push_back(*last);
  return CallTemplateFunction(first.name, arguments);
}

Result<> Execution::Assign(const std::string& name, Json value, bool declares) {
  if (declares) {
    variables_.emplace_back(name, std::move(value));
    return {};
  }
  for (auto at = variables_.rbegin(); at != variables_.rend(); ++at) {
    if (at->first != name) continue;
    at->second = std::move(value);
    return {};
  }
  return CliError(fmt::format("undefined variable \"{}\"", name));
}

Result<Json> Execution::Evaluate(const TemplatePipeline& pipeline, const Json& dot) {
  Json value;
  bool any = false;
  for (const auto& command : pipeline.commands) {
    value = TRY(EvaluateCommand(command, dot, any ? &value : nullptr));
    any = true;
  }
  return value;
}

Result<Execution::Flow> Execution::RunRange(const TemplateNode& node, const Json& dot) {
  const Json list = TRY(Evaluate(node.pipeline, dot));
  const auto& names = node.pipeline.variables;
  if (!list.is_structured() && !list.is_null()) {
    return CliError(fmt::format("range can't iterate over {}", TemplateText(list)));
  }
  if (list.empty()) return Run(node.otherwise, dot);
  const size_t scope = variables_.size();
  int64_t index = 0;
  for (const auto& item : list.items()) {
    const Json key = list.is_object() ? Json(item.key()) : Json(index++);
    if (names.size() == 1) TRY(Assign(names[0], item.value(), node.pipeline.declares));
    if (names.size() == 2) {
      TRY(Assign(names[0], key, node.pipeline.declares));
      TRY(Assign(names[1], item.value(), node.pipeline.declares));
    }
    const Flow flow = TRY(Run(node.body, item.value()));
    variables_.resize(scope);
    if (flow == Flow::kBreak) break;
  }
  return Flow::kOn;
}

Result<> Execution::Call(const TemplateNode& node, const Json& dot) {
  const auto found = parsed_.templates.find(node.text);
  if (found == parsed_.templates.end()) {
    return CliError(fmt::format("template {} not defined", GoQuote(node.text)));
  }
  if (calls_ == kCallsMax) {
    return CliError(fmt::format("exceeded maximum template depth ({})", kCallsMax));
  }
  Json value;
  if (!node.pipeline.commands.empty()) value = TRY(Evaluate(node.pipeline, dot));
  std::vector<std::pair<std::string, Json>> outer;
  outer.swap(variables_);
  variables_.emplace_back("$", value);
  ++calls_;
  TRY(Run(found->second, value));
  --calls_;
  variables_.swap(outer);
  return {};
}

Result<Execution::Flow> Execution::RunAll(const std::vector<TemplateNode>& nodes,
                                          const Json& dot) {
  for (const TemplateNode& node : nodes) {
    if (text_.size() > kOutputBytesMax) return CliError("the template prints too much");
    switch (node.kind) {
      case TemplateNode::Kind::kText:
        text_ += node.text;
        break;
      case TemplateNode::Kind::kBreak:
        return Flow::kBreak;
      case TemplateNode::Kind::kContinue:
        return Flow::kContinue;
      case TemplateNode::Kind::kTemplate:
        TRY(Call(node, dot));
        break;
      case TemplateNode::Kind::kRange:
        TRY(RunRange(node, dot));
        break;
      case TemplateNode::Kind::kAction: {
        Json value = TRY(Evaluate(node.pipeline, dot));
        if (node.pipeline.variables.empty()) {
          text_ += TemplateText(value);
        } else {
          TRY(Assign(node.pipeline.variables[0], std::move(value), node.pipeline.declares));
        }
        break;
      }
      case TemplateNode::Kind::kIf:
      case TemplateNode::Kind::kWith: {
        const size_t scope = variables_.size();
        const Json value = TRY(Evaluate(node.pipeline, dot));
        if (!node.pipeline.variables.empty()) {
          TRY(Assign(node.pipeline.variables[0], value, node.pipeline.declares));
        }
        const bool with = node.kind == TemplateNode::Kind::kWith;
        const bool taken = TemplateTruth(value);
        const Flow flow = TRY(Run(taken ? node.body : node.otherwise, with && taken ? value : dot));
        if (variables_.size() > scope) variables_.resize(scope);
        if (flow != Flow::kOn) return flow;
        break;
      }
    }
  }
  return Flow::kOn;
}

}  // namespace

Result<GoTemplate> GoTemplate::Parse(std::string_view text) {
  GoTemplate parsed;
  auto nodes = TRY(ParseGoTemplate(text));
  parsed.nodes_ = std::make_shared<const TemplateNodes>(std::move(nodes));
  return parsed;
}

Result<std::string> GoTemplate::Execute(const Json& document, bool allow_missing) const {
  Execution execution(*nodes_, document, allow_missing);
  TRY(execution.Run(nodes_->nodes, document));
  return execution.TakeText();
}

}  // namespace skiff::cli
