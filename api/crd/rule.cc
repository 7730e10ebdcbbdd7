#include "api/crd/rule.h"

#include "api/crd/definition_structure.h"
#include "api/crd/rule_clock.h"
#include "api/text/go_text.h"
#include "base/text.h"

namespace skiff::crd {
namespace {

constexpr std::string_view kSelf = "self";
constexpr std::string_view kOldSelf = "oldSelf";

// "compilation failed: ..." of a message expression has its name before it.
std::string MessageError(const std::string& error) {
  constexpr std::string_view kNotMade = "program ";
  if (error.starts_with(kNotMade)) return "messageExpression " + error.substr(kNotMade.size());
  return "messageExpression " + error;
}

std::string JsonOr(const Json& rule, const char* name, const std::string& otherwise) {
  const Json* part = PartOf(rule, name);
  return part == nullptr ? otherwise : GoJson(*part);
}

}  // namespace

const Json* RulesOf(const Json& props) {
  const Json* rules = PartOf(props, kRules);
  return rules == nullptr || !rules->is_array() || rules->empty() ? nullptr : rules;
}

bool HasRules(const Json& props) {
  if (!props.is_object()) return false;
  if (RulesOf(props) != nullptr) return true;
  for (const char* name : {"items", "additionalProperties"}) {
    const Json* below = PartOf(props, name);
    if (below != nullptr && HasRules(*below)) return true;
  }
  const Json* properties = PartOf(props, "properties");
  if (properties == nullptr || !properties->is_object()) return false;
  for (const Json& below : *properties) {
    if (HasRules(below)) return true;
  }
  return false;
}

std::string PrintedRule(const Json& rule) {
  const std::string none = GoJson("");
  return "{\"Rule\":" + JsonOr(rule, "rule", none) + ",\"Message\":" +
         JsonOr(rule, "message", none) + ",\"MessageExpression\":" +
         JsonOr(rule, "messageExpression", none) + ",\"Reason\":" +
         JsonOr(rule, "reason", "null") + ",\"FieldPath\":" + JsonOr(rule, "fieldPath", none) +
         ",\"OptionalOldSelf\":" + JsonOr(rule, "optionalOldSelf", "null") + "}";
}

std::shared_ptr<const RuleList> RuleCompiler::RulesAt(const Json& props) {
  if (const auto found = rules_.find(&props); found != rules_.end()) return found->second;
  auto rules = std::make_shared<RuleList>();
  const Json* given = RulesOf(props);
  const cel::TypeRef self = given == nullptr ? nullptr : TypeAt(props);
  if (self != nullptr) {
    const TimedRuleWork timed(RuleWork::kCompilation);
    for (const Json& each : *given) rules->push_back(Compile(each, props, self));
  }
  return rules_[&props] = std::move(rules);
}

Rule RuleCompiler::Compile(const Json& given, const Json& props, const cel::TypeRef& self) const {
  Rule rule;
  rule.text = WithoutBlanks(WordOf(given, "rule"));
  rule.message = WithoutBlanks(WordOf(given, "message"));
  rule.message_expression = WordOf(given, "messageExpression");
  rule.reason = WordOf(given, "reason");
  rule.optional_old = FlagOf(given, "optionalOldSelf");
  if (rule.text.empty()) return rule;
  const auto environment = cel::Environment::Kubernetes(
      {{std::string(kSelf), self},
       {std::string(kOldSelf), rule.optional_old ? cel::types::Optional(self) : self}});
  // Not the trimmed text: messages show where in what was given something is wrong.
  rule.text = WordOf(given, "rule");
  CompileRule(props, environment, rule);
  rule.text = WithoutBlanks(rule.text);
  if (rule.program == nullptr) return rule;
  if (!rule.message_expression.empty()) CompileMessage(props, environment, rule);
  if (auto field = FindField(WordOf(given, "fieldPath"), props)) {
    rule.place = std::move(field->place);
  }
  return rule;
}

void RuleCompiler::CompileRule(const Json& props, const cel::Environment& environment,
                               Rule& rule) const {
  auto program = cel::Compile(rule.text, environment, [](const cel::Type& type) -> std::string {
    if (cel::IsPlain(type, cel::TypeKind::kBool)) return "";
    return "cel expression must evaluate to a bool";
  });
  if (!program) {
    rule.error = types_.Named(program.error().message, props);
    return;
  }
  rule.program = *std::move(program);
  rule.uses_old = rule.program->Uses(kOldSelf);
}

void RuleCompiler::CompileMessage(const Json& props, const cel::Environment& environment,
                                  Rule& rule) const {
  auto program = cel::Compile(rule.message_expression, environment);
  if (!program) {
    rule.message_error = MessageError(types_.Named(program.error().message, props));
  } else if (!cel::IsPlain(*(*program)->type(), cel::TypeKind::kString)) {
    rule.message_error = "messageExpression must evaluate to a string";
  } else {
    rule.message_program = *std::move(program);
  }
}

}  // namespace skiff::crd
