#include "cli/go_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/go_text.h"
#include "cli/errors.h"
#include "cli/go_template_tree.h"

namespace skiff::cli {
namespace {

using Kind = TemplateNode::Kind;

// A template that ranges over a range of ranges may print without end.
constexpr size_t kOutputBytesMax = 256 << 20;
// Templates that call each other; each takes some of the stack, and so does each block in them.
constexpr int kCallsMax = 1000;
constexpr int kNestedMax = 20'000;
// Of a range over a number.
constexpr int64_t kCountMax = 100'000'000;

class Execution {
 public:
  Execution(const TemplateNodes& parsed, const Json& document, bool allow_missing)
      : parsed_(parsed), allow_missing_(allow_missing) {
    // The document outlives us.
    const std::shared_ptr<const Json> whole(std::shared_ptr<const Json>(), &document);
    variables_.emplace_back("$", TemplateValue{whole, false, nullptr});
  }
  Result<> Run() {
    const TemplateValue dot = variables_[0].second;
    TRY(Run(parsed_.templates.at(kTemplateName), dot));
    return {};
  }
  std::string TakeText() { return std::move(text_); }

 private:
  enum class Flow : uint8_t { kOn, kBreak, kContinue };
  using Evaluated = Result<TemplateValue>;
  using Nodes = std::vector<TemplateNode>;

  tl::unexpected<Error> Wrong(const std::string& why) const {
    return CliError(fmt::format("template: {}: executing {} at <{}>: {}",
                                parsed_.PlaceOf(at_->position), GoQuote(name_), at_->Shown(), why));
  }

  Result<Flow> Run(const Nodes& nodes, const TemplateValue& dot);
  Result<Flow> RunAll(const Nodes& nodes, const TemplateValue& dot);
  Result<Flow> RunChoice(const TemplateNode& node, const TemplateValue& dot);
  Result<Flow> RunRange(const TemplateNode& node, const TemplateValue& dot);
  // Once; true: it goes on.
  Result<bool> RunOnce(const TemplateNode& node, TemplateValue key, TemplateValue item);
  Result<> RunCall(const TemplateNode& node, const TemplateValue& dot);

  Evaluated Pipe(const TemplateNode& pipe, const TemplateValue& dot);
  // `last`: what the command before has come to; null where there is none.
  Evaluated Command(const TemplateNode& command, const TemplateValue& dot,
                    const TemplateValue* last);
  // An operand with the arguments of its command, if it is the first word of one.
  Evaluated FieldsOf(TemplateValue value, const TemplateNode& node, size_t first,
                     bool has_arguments);
  Evaluated Field(const TemplateValue& value, const std::string& name, bool has_arguments);
  Evaluated Variable(const TemplateNode& node, const TemplateNode* command,
                     const TemplateValue* last);
  Evaluated Function(const TemplateNode& node, const TemplateNode* command,
                     const TemplateValue& dot, const TemplateValue* last);
  Evaluated Choose(const TemplateNode& node, const TemplateNode* command, const TemplateValue& dot,
                   const TemplateValue* last);
  Evaluated Literal(const TemplateNode& node);
  enum class Wanted : uint8_t { kAnything, kInterface, kText };
  Evaluated Argument(const TemplateNode& node, const TemplateValue& dot, Wanted wanted);
  Evaluated Checked(TemplateValue value, Wanted wanted);
  Result<> CheckNoArguments(const TemplateNode* command, const TemplateValue* last) const;
  Result<> CheckCount(const TemplateNode& node, const TemplateFunction& function, size_t given,
                      bool has_last) const;
  Result<> Assign(const std::string& name, TemplateValue value);

  const TemplateNodes& parsed_;
  const bool allow_missing_;
  const TemplateNode* at_ = nullptr;                              // What messages point at.
  std::string name_ = kTemplateName;                              // Of the template that runs.
  int calls_ = 0;                                                 // Within each other.
  int nested_ = 0;                                                // They, and blocks.
  std::vector<std::pair<std::string, TemplateValue>> variables_;  // The inner ones last.
  std::string text_;
};

Result<Execution::Flow> Execution::Run(const Nodes& nodes, const TemplateValue& dot) {
  if (nested_ == kNestedMax) {
    return CliError(
        fmt::format("blocks and templates are within each other more than {} times", kNestedMax));
  }
  ++nested_;
  auto flow = RunAll(nodes, dot);
  --nested_;
  return flow;
}

Result<Execution::Flow> Execution::RunAll(const Nodes& nodes, const TemplateValue& dot) {
  for (const TemplateNode& node : nodes) {
    if (text_.size() > kOutputBytesMax) return CliError("the template prints too much");
    at_ = &node;
    Flow flow = Flow::kOn;
    switch (node.kind) {
      case Kind::kText:
        text_ += node.text;
        break;
      case Kind::kBreak:
        return Flow::kBreak;
      case Kind::kContinue:
        return Flow::kContinue;
      case Kind::kTemplate:
        TRY(RunCall(node, dot));
        break;
      case Kind::kRange:
        flow = TRY(RunRange(node, dot));
        break;
      case Kind::kIf:
      case Kind::kWith:
        flow = TRY(RunChoice(node, dot));
        break;
      default: {
        const TemplateValue value = TRY(Pipe(node.parts[0], dot));
        if (node.parts[0].variables.empty()) text_ += value.Text();
      }
    }
    if (flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

Result<Execution::Flow> Execution::RunChoice(const TemplateNode& node, const TemplateValue& dot) {
  const size_t scope = variables_.size();
  const TemplateValue value = TRY(Pipe(node.parts[0], dot));
  const bool taken = value.IsTrue();
  const TemplateValue& inner = taken && node.kind == Kind::kWith ? value : dot;
  const Flow flow = TRY(Run(taken ? node.body : node.otherwise, inner));
  variables_.resize(scope);
  return flow;
}

Result<Execution::Flow> Execution::RunRange(const TemplateNode& node, const TemplateValue& dot) {
  const size_t scope = variables_.size();
  const TemplateValue list = TRY(Pipe(node.parts[0], dot));
  const bool counts = list.is_valid() && list.json->is_number_integer();
  if (list.is_valid() && !list.json->is_structured() && !counts) {
    return Wrong("range can't iterate over " + list.Text());
  }
  if (counts && node.parts[0].variables.size() > 1) {
    return Wrong(fmt::format("can't use {} to iterate over more than one variable", list.Text()));
  }
  const int64_t count = counts            ? list.json->get<int64_t>()
                        : list.is_valid() ? static_cast<int64_t>(list.json->size())
                                          : 0;
  if (count > kCountMax) return Wrong(fmt::format("a range over {} takes too long", count));
  Flow flow = Flow::kOn;
  if (count <= 0) {
    flow = TRY(Run(node.otherwise, dot));
  } else if (counts) {
    for (int64_t i = 0; i < count; ++i) {
      TemplateValue number = TemplateValue::OfInt(i);
      number.number_type = list.number_type;
      const bool goes_on = TRY(RunOnce(node, {}, std::move(number)));
      if (!goes_on) break;
    }
  } else {
    int64_t index = 0;
    for (const auto& item : list.json->items()) {
      TemplateValue key =
          list.json->is_object() ? TemplateValue::Of(item.key()) : TemplateValue::OfInt(index++);
      const bool goes_on = TRY(RunOnce(node, std::move(key), list.Part(item.value())));
      if (!goes_on) break;
    }
  }
  variables_.resize(scope);
  return flow;
}

// The pipeline has declared its variables already.
Result<bool> Execution::RunOnce(const TemplateNode& node, TemplateValue key, TemplateValue item) {
  const TemplateNode& pipe = node.parts[0];
  const size_t scope = variables_.size();
  const size_t count = pipe.variables.size();
  if (count > 0 && pipe.assigns) {
    if (count > 1) TRY(Assign(pipe.variables[0], std::move(key)));
    TRY(Assign(pipe.variables[count - 1], item));
  } else if (count > 0) {
    if (count > 1) variables_[scope - 2].second = std::move(key);
    variables_[scope - 1].second = item;
  }
  const Flow flow = TRY(Run(node.body, item));
  variables_.resize(scope);
  return flow != Flow::kBreak;
}

// What is called sees no variables but its own "$".
Result<> Execution::RunCall(const TemplateNode& node, const TemplateValue& dot) {
  const auto found = parsed_.templates.find(node.text);
  if (found == parsed_.templates.end()) {
    return Wrong(fmt::format("template {} not defined", GoQuote(node.text)));
  }
  if (calls_ == kCallsMax) {
    return Wrong(fmt::format("exceeded maximum template depth ({})", kCallsMax));
  }
  TemplateValue value;
  if (!node.parts.empty()) value = TRY(Pipe(node.parts[0], dot));
  std::vector<std::pair<std::string, TemplateValue>> outer;
  outer.swap(variables_);
  variables_.emplace_back("$", value);
  const std::string caller = std::exchange(name_, node.text);
  const TemplateNode* const was_at = at_;
  ++calls_;
  TRY(Run(found->second, value));
  --calls_;
  at_ = was_at;
  name_ = caller;
  variables_.swap(outer);
  return {};
}

Result<> Execution::Assign(const std::string& name, TemplateValue value) {
  const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                  [&](const auto& variable) { return variable.first == name; });
  if (found == variables_.rend()) return Wrong("undefined variable: " + name);
  found->second = std::move(value);
  return {};
}

Execution::Evaluated Execution::Pipe(const TemplateNode& pipe, const TemplateValue& dot) {
  at_ = &pipe;
  TemplateValue value;
  bool is_first = true;
  for (const TemplateNode& command : pipe.parts) {
    const TemplateValue result = TRY(Command(command, dot, is_first ? nullptr : &value));
    value = result.Inner();
    is_first = false;
  }
  for (const std::string& name : pipe.variables) {
    if (pipe.assigns) {
      TRY(Assign(name, value));
    } else {
      variables_.emplace_back(name, value);
    }
  }
  return value;
}

Result<> Execution::CheckNoArguments(const TemplateNode* command, const TemplateValue* last) const {
  if (command == nullptr || (command->parts.size() == 1 && last == nullptr)) return {};
  return Wrong("can't give argument to non-function " + command->parts[0].Shown());
}

Execution::Evaluated Execution::Command(const TemplateNode& command, const TemplateValue& dot,
                                        const TemplateValue* last) {
  const TemplateNode& first = command.parts[0];
  const bool has_arguments = command.parts.size() > 1 || last != nullptr;
  switch (first.kind) {
    case Kind::kField:
      at_ = &first;
      return FieldsOf(dot, first, 0, has_arguments);
    case Kind::kChain: {
      at_ = &first;
      TemplateValue value = TRY(Argument(first.parts[0], dot, Wanted::kAnything));
      return FieldsOf(std::move(value), first, 0, has_arguments);
    }
    case Kind::kFunction:
      return Function(first, &command, dot, last);
    case Kind::kPipe:
      TRY(CheckNoArguments(&command, last));
      return Pipe(first, dot);
    case Kind::kVariable:
      return Variable(first, &command, last);
    default:
      break;
  }
  at_ = &first;
  TRY(CheckNoArguments(&command, last));
  if (first.kind == Kind::kDot) return dot;
  if (first.kind == Kind::kNil) return Wrong("nil is not a command");
  return Literal(first);
}

Execution::Evaluated Execution::Literal(const TemplateNode& node) {
  at_ = &node;
  TemplateValue value = TemplateValue::Of(node.literal);
  if (node.kind != Kind::kNumber || !node.literal.is_number_integer()) return value;
  if (node.literal.is_number_unsigned()) return Wrong(node.text + " overflows int");
  value.number_type = "int";
  return value;
}

Execution::Evaluated Execution::Variable(const TemplateNode& node, const TemplateNode* command,
                                         const TemplateValue* last) {
  at_ = &node;
  const auto found =
      std::find_if(variables_.rbegin(), variables_.rend(),
                   [&](const auto& variable) { return variable.first == node.names[0]; });
  if (found == variables_.rend()) return Wrong("undefined variable: " + node.names[0]);
  const bool has_arguments = command && (command->parts.size() > 1 || last != nullptr);
  if (node.names.size() > 1) return FieldsOf(found->second, node, 1, has_arguments);
  TRY(CheckNoArguments(command, last));
  return found->second;
}

Execution::Evaluated Execution::FieldsOf(TemplateValue value, const TemplateNode& node,
                                         size_t first, bool has_arguments) {
  for (size_t i = first; i < node.names.size(); ++i) {
    value = TRY(Field(value, node.names[i], has_arguments && i + 1 == node.names.size()));
  }
  return value;
}

Execution::Evaluated Execution::Field(const TemplateValue& value, const std::string& name,
                                      bool has_arguments) {
  if (!value.is_valid()) {
    if (allow_missing_) return value;
    return Wrong(fmt::format("nil data; no entry for key {}", GoQuote(name)));
  }
  if (value.is_nil()) {
    return Wrong(fmt::format("nil pointer evaluating {}.{}", value.TypeName(), name));
  }
  if (!value.json->is_object()) {
    return Wrong(fmt::format("can't evaluate field {} in type {}", name, value.TypeName()));
  }
  if (has_arguments) return Wrong(name + " is not a method but has arguments");
  const auto found = value.json->find(name);
  if (found != value.json->end()) return value.Part(*found);
  if (allow_missing_) return TemplateValue();
  return Wrong(fmt::format("map has no entry for key {}", GoQuote(name)));
}

Execution::Evaluated Execution::Checked(TemplateValue value, Wanted wanted) {
  if (wanted == Wanted::kAnything) return value;
  if (wanted == Wanted::kInterface) return value.is_valid() ? value : TemplateValue::Nil();
  if (!value.is_valid()) return Wrong("invalid value; expected string");
  if (value.json->is_string()) return value;
  return Wrong("wrong type for value; expected string; got " +
               (value.is_nil() ? value.TypeName() : value.InnerTypeName()));
}

Execution::Evaluated Execution::Argument(const TemplateNode& node, const TemplateValue& dot,
                                         Wanted wanted) {
  at_ = &node;
  TemplateValue value;
  switch (node.kind) {
    case Kind::kDot:
      value = dot;
      break;
    case Kind::kNil:
      if (wanted == Wanted::kText) return Wrong("cannot assign nil to string");
      break;
    case Kind::kField:
      value = TRY(FieldsOf(dot, node, 0, false));
      break;
    case Kind::kVariable:
      value = TRY(Variable(node, nullptr, nullptr));
      break;
    case Kind::kPipe:
      value = TRY(Pipe(node, dot));
      break;
    case Kind::kFunction:
      value = TRY(Function(node, nullptr, dot, nullptr));
      break;
    case Kind::kChain:
      value = TRY(Argument(node.parts[0], dot, Wanted::kAnything));
      value = TRY(FieldsOf(std::move(value), node, 0, false));
      break;
    default:
      if (wanted == Wanted::kText && node.kind != Kind::kString) {
        return Wrong("expected string; found " + node.Shown());
      }
      return Literal(node);
  }
  return Checked(std::move(value), wanted);
}

Result<> Execution::CheckCount(const TemplateNode& node, const TemplateFunction& function,
                               size_t given, bool has_last) const {
  const auto all = static_cast<int>(given) + (has_last ? 1 : 0);
  if (function.arguments_max < 0) {
    if (all >= function.arguments_min) return {};
    return Wrong(fmt::format("wrong number of args for {}: want at least {} got {}", node.text,
                             function.arguments_min, given));
  }
  if (all == function.arguments_max) return {};
  return Wrong(fmt::format("wrong number of args for {}: want {} got {}", node.text,
                           function.arguments_max, all));
}

// "and" and "or" look no further than they must.
Execution::Evaluated Execution::Choose(const TemplateNode& node, const TemplateNode* command,
                                       const TemplateValue& dot, const TemplateValue* last) {
  const bool stops_at = node.text == "or";
  TemplateValue value;
  for (size_t i = 1; command != nullptr && i < command->parts.size(); ++i) {
    value = TRY(Argument(command->parts[i], dot, Wanted::kAnything));
    if (value.IsTrue() == stops_at) return value;
  }
  return last ? *last : value;
}

// `command`: null where it stands as an argument itself.
Execution::Evaluated Execution::Function(const TemplateNode& node, const TemplateNode* command,
                                         const TemplateValue& dot, const TemplateValue* last) {
  at_ = &node;
  const TemplateFunction& function = *FindTemplateFunction(node.text);
  const size_t given = command ? command->parts.size() - 1 : 0;
  TRY(CheckCount(node, function, given, last != nullptr));
  if (node.text == "and" || node.text == "or") return Choose(node, command, dot, last);
  const auto wanted = [&](size_t i) {
    if (static_cast<int>(i) < function.texts) return Wanted::kText;
    return function.takes_values ? Wanted::kAnything : Wanted::kInterface;
  };
  std::vector<TemplateValue> arguments;
  for (size_t i = 0; i < given; ++i) {
    TemplateValue argument = TRY(Argument(command->parts[i + 1], dot, wanted(i)));
    arguments.push_back(std::move(argument));
  }
  if (last) {
    TemplateValue argument = TRY(Checked(*last, wanted(given)));
    arguments.push_back(std::move(argument));
  }
  const std::string first = given > 0 ? command->parts[1].Shown() : "";
  auto result = CallTemplateFunction(node.text, arguments, first);
  if (result) return result;
  at_ = command ? command : &node;
  return Wrong(fmt::format("error calling {}: {}", node.text, result.error().message));
}

}  // namespace

Result<GoTemplate> GoTemplate::Parse(std::string_view text) {
  GoTemplate parsed;
  auto nodes = TRY(ParseGoTemplate(text));
  parsed.nodes_ = std::make_shared<const TemplateNodes>(std::move(nodes));
  return parsed;
}

Result<std::string> GoTemplate::Execute(const Json& document, bool allow_missing,
                                        std::string* printed) const {
  Execution execution(*nodes_, document, allow_missing);
  const auto done = execution.Run();
  if (done) return execution.TakeText();
  if (printed != nullptr) *printed = execution.TakeText();
  return tl::unexpected(done.error());
}

}  // namespace skiff::cli
