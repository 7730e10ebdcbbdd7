#include "cli/go_template_tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/go_text.h"
#include "api/text/go_value.h"

namespace skiff::cli {
namespace {

using Kind = TemplateNode::Kind;

std::string Joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, "."));
}

std::string ShownPipe(const TemplateNode& pipe) {
  std::string out;
  if (!pipe.variables.empty()) {
    out = fmt::format("{} {} ", fmt::join(pipe.variables, ", "), pipe.assigns ? "=" : ":=");
  }
  for (size_t i = 0; i < pipe.parts.size(); ++i) {
    if (i > 0) out += " | ";
    out += pipe.parts[i].Shown();
  }
  return out;
}

std::string ShownOperand(const TemplateNode& operand) {
  return operand.kind == Kind::kPipe ? "(" + operand.Shown() + ")" : operand.Shown();
}

std::string ShownCommand(const TemplateNode& command) {
  std::string out;
  for (const TemplateNode& operand : command.parts) {
    if (!out.empty()) out += ' ';
    out += ShownOperand(operand);
  }
  return out;
}

}  // namespace

std::string TemplateNode::Shown() const {
  switch (kind) {
    case Kind::kAction:
      return "{{" + parts[0].Shown() + "}}";
    case Kind::kIf:
      return "{{if " + parts[0].Shown() + "}}";
    case Kind::kRange:
      return "{{range " + parts[0].Shown() + "}}";
    case Kind::kWith:
      return "{{with " + parts[0].Shown() + "}}";
    case Kind::kBreak:
      return "{{break}}";
    case Kind::kContinue:
      return "{{continue}}";
    case Kind::kTemplate:
      return "{{template " + GoQuote(text) + (parts.empty() ? "" : " " + parts[0].Shown()) + "}}";
    case Kind::kPipe:
      return ShownPipe(*this);
    case Kind::kCommand:
      return ShownCommand(*this);
    case Kind::kVariable:
      return Joined(names);
    case Kind::kField:
      return "." + Joined(names);
    case Kind::kChain:
      return ShownOperand(parts[0]) + "." + Joined(names);
    default:
      return text;
  }
}

std::string TemplateNodes::PlaceOf(size_t position) const {
  const std::string_view before = std::string_view(text).substr(0, position);
  const size_t lines = std::ranges::count(before, '\n');
  const size_t last = before.rfind('\n');
  const size_t column = last == before.npos ? position : position - last - 1;
  return fmt::format("{}:{}:{}", kTemplateName, lines + 1, column);
}

std::string TemplateValue::InnerTypeName() const {
  return number_type != nullptr && json->is_number() ? number_type : GoTypeOf(*json);
}

TemplateValue TemplateValue::Inner() const {
  if (!is_valid() || is_nil()) return {};
  return {json, false, number_type};
}

bool TemplateValue::IsTrue() const {
  if (!is_valid()) return false;
  const Json& value = *json;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0;
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return !value.empty();
}

std::string TemplateValue::Text() const {
  return is_valid() && !is_nil() ? GoPlain(*json) : "<no value>";
}

}  // namespace skiff::cli
