// A parsed template.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff::cli {

struct TemplatePipeline;

// What a command is made of: a value, and members taken from it (".spec.containers").
struct TemplateOperand {
  enum class Kind : uint8_t { kDot, kVariable, kLiteral, kFunction, kPipeline };
  Kind kind = Kind::kDot;
  std::string name;  // Of a variable ("$" is the document) or function.
  std::vector<std::string> members;
  Json literal;
  std::shared_ptr<TemplatePipeline> pipeline;  // In brackets.
};

// "printf "%s" .a | len": each command's value is the last argument of the next one.
struct TemplatePipeline {
  std::vector<std::string> variables;  // At most two, of a range.
  bool declares = false;               // ":=", not "=".
  std::vector<std::vector<TemplateOperand>> commands;
};

struct TemplateNode {
  enum class Kind : uint8_t { kText, kAction, kIf, kRange, kWith, kBreak, kContinue, kTemplate };
  Kind kind = Kind::kText;
  std::string text;  // Of a text; the name of a template.
  TemplatePipeline pipeline;  // Without commands: a template is given nothing.
  std::vector<TemplateNode> body;
  std::vector<TemplateNode> otherwise;
};

struct TemplateNodes {
  std::vector<TemplateNode> nodes;
  std::map<std::string, std::vector<TemplateNode>> templates;  // By "define" and "block".
};

// Fails with Go's text, "template: output:1: ...".
Result<TemplateNodes> ParseGoTemplate(std::string_view text);

// Whether there is a function of that name, other than "and" and "or".
bool IsTemplateFunction(std::string_view name);
// Calls it. Fails with Go's text: "error calling len: ...".
Result<Json> CallTemplateFunction(const std::string& name, const std::vector<Json>& arguments);
// What Go takes for true: everything but zero, "", and empty lists and maps.
bool TemplateTruth(const Json& value);
// How a value prints; null is "<no value>".
std::string TemplateText(const Json& value);

}  // namespace skiff::cli
