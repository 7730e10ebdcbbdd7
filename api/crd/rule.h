// One rule of x-kubernetes-validations: what a schema says, and the programs made of it.
//
//   RuleCompiler compiler(schema);
//   for (const Rule& rule : *compiler.RulesAt(schema["properties"]["spec"])) ...
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/cel/program.h"
#include "api/cel/schema_type.h"
#include "api/values.h"
#include "base/error.h"

namespace skiff::crd {

inline constexpr const char* kRules = "x-kubernetes-validations";

struct Rule {
  // As it is given, without blanks around it.
  std::string text;
  std::string message;
  std::string message_expression;
  std::string reason;  // FieldValueForbidden, ...; "" for FieldValueInvalid.
  std::string place;   // fieldPath as paths are printed: "a.b[key]".
  bool optional_old = false;
  bool uses_old = false;

  // Null where the rule is blank or wrong; then `error` says what is wrong, if anything.
  std::shared_ptr<const cel::Program> program;
  std::string error;
  // Null without a messageExpression that compiles.
  std::shared_ptr<const cel::Program> message_program;
  std::string message_error;

  // What messages call the rule by.
  const std::string& Name() const { return message.empty() ? text : message; }
};

using RuleList = std::vector<Rule>;

// Compiles the rules of a schema, those of each of its nodes once.
class RuleCompiler {
 public:
  // `schema` is JSONSchemaProps of a whole object, and outlives it.
  explicit RuleCompiler(const Json& schema) : types_(schema) {}

  // Null where expressions see nothing of such values.
  cel::TypeRef TypeAt(const Json& props) { return types_.Of(props); }
  // Never null; empty without rules, and without a type.
  std::shared_ptr<const RuleList> RulesAt(const Json& props);

 private:
  Rule Compile(const Json& given, const Json& props, const cel::TypeRef& self) const;
  void CompileRule(const Json& props, const cel::Environment& environment, Rule& rule) const;
  void CompileMessage(const Json& props, const cel::Environment& environment, Rule& rule) const;

  cel::SchemaTypes types_;
  std::unordered_map<const Json*, std::shared_ptr<const RuleList>> rules_;
};

// Whether a node of the structure has rules.
bool HasRules(const Json& props);
// The rules that a node itself has: an array, or null.
const Json* RulesOf(const Json& props);
// A rule as Go prints the struct.
std::string PrintedRule(const Json& rule);

// A field that a path leads to.
struct FoundField {
  std::string place;  // Where it is, as errors name it: "a.b[key]".
  const Json& props;  // Its schema.
};
// Follows a path of names and keys, ".a.b['key']", down a schema. Fails with Kubernetes' words for
// one that leads nowhere, or has brackets and may not.
Result<FoundField> FindField(std::string_view path, const Json& props, bool takes_brackets = true);

}  // namespace skiff::crd
