#include "api/rules/policy/policy_validation.h"

#include <fmt/format.h>

#include <set>

#include "api/gen/admissionregistration_v1.h"
#include "api/gen/admissionregistration_v1beta1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/policy/admission_expressions.h"
#include "api/rules/policy/webhook_validation.h"
#include "api/text/json_path.h"
#include "base/text.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;
using admissionregistration_v1beta1::MutatingAdmissionPolicyBindingSpec;
using admissionregistration_v1beta1::MutatingAdmissionPolicySpec;
using admissionregistration_v1beta1::Mutation;

constexpr size_t kAuditAnnotationsMax = 20;
constexpr size_t kValueExpressionBytesMax = 5 * 1024;
constexpr const char* kNeedsAnItem =
    "validations or auditAnnotations must contain at least one item";

void ValidateParamApiVersion(const std::string& text, const FieldPath& path, Violations& out) {
  if (text.empty()) return out.Required(path);
  const size_t slash = text.find('/');
  if (text != "/" && slash != text.rfind('/')) {
    return out.Invalid(path, text, "unexpected GroupVersion string: " + text);
  }
  const std::string group = slash == std::string::npos ? "" : text.substr(0, slash);
  const std::string version = slash == std::string::npos ? text : text.substr(slash + 1);
  if (!group.empty()) {
    if (const Messages wrong = Dns1123SubdomainErrors(group); !wrong.empty()) {
      out.Invalid(path, group, fmt::format("{}", fmt::join(wrong, ",")));
    }
  }
  if (version.empty()) return out.Invalid(path, text, "version must be specified");
  if (const Messages wrong = Dns1035LabelErrors(version); !wrong.empty()) {
    out.Invalid(path, version, fmt::format("{}", fmt::join(wrong, ",")));
  }
}

void ValidateParamKind(const ParamKind& kind, const FieldPath& path, Violations& out) {
  ValidateParamApiVersion(kind.api_version, path.Child("apiVersion"), out);
  if (kind.kind.empty()) return out.Required(path.Child("kind"));
  if (const Messages wrong = Dns1035LabelErrors(Lower(kind.kind)); !wrong.empty()) {
    out.Invalid(path.Child("kind"), kind.kind,
                fmt::format("may have mixed case, but should otherwise match: {}",
                            fmt::join(wrong, ",")));
  }
}

void ValidateNamedRules(const std::vector<NamedRuleWithOperations>& rules, const FieldPath& path,
                        Violations& out) {
  for (size_t i = 0; i < rules.size(); ++i) {
    const FieldPath at = path.Index(i);
    const FieldPath names = at.Child("resourceNames");
    std::set<std::string_view> seen;
    for (size_t j = 0; j < rules[i].resource_names.size(); ++j) {
      const std::string& name = rules[i].resource_names[j];
      CheckFormat(PathSegmentErrors, name, names.Index(j), out);
      if (!seen.insert(name).second) out.Duplicate(names.Index(j), name);
    }
    ValidateRuleOperations(rules[i].operations, at.Child("operations"), out);
    ValidateRuleTargets(rules[i].api_groups, rules[i].api_versions, rules[i].resources,
                        rules[i].scope ? &*rules[i].scope : nullptr, at, out);
  }
}

void ValidateMatchResources(const MatchResources& match, const FieldPath& path, Violations& out) {
  const FieldPath policy = path.Child("matchPolicy");
  match.match_policy ? CheckOneOf(*match.match_policy, {"Equivalent", "Exact"}, policy, out)
                     : out.Required(policy);
  const auto selector = [&](const Box<meta_v1::LabelSelector>& value, const char* field) {
    value ? ValidateLabelSelector(*value, {}, path.Child(field), out)
          : out.Required(path.Child(field));
  };
  selector(match.namespace_selector, "namespaceSelector");
  selector(match.object_selector, "objectSelector");
  ValidateNamedRules(match.resource_rules, path.Child("resourceRules"), out);
  ValidateNamedRules(match.exclude_resource_rules, path.Child("excludeResourceRules"), out);
}

void ValidateVariables(const std::vector<Variable>& variables, const FieldPath& path,
                       cel::AdmissionScope& scope, Violations& out) {
  for (size_t i = 0; i < variables.size(); ++i) {
    const Variable& variable = variables[i];
    const FieldPath at = path.Index(i);
    if (IsBlank(variable.name)) {
      out.Required(at.Child("name"), "name is not specified");
    } else if (!cel::IsVariableName(variable.name)) {
      out.Invalid(at.Child("name"), variable.name, "must be a valid CEL identifier");
    }
    const FieldPath expression = at.Child("expression");
    if (IsBlank(variable.expression)) {
      out.Required(expression, "expression is not specified");
      continue;
    }
    const auto compiled = scope.Compile(variable.expression, {});
    scope.AddVariable(variable.name, compiled.type());
    CheckCompiled(compiled, variable.expression, expression, out);
  }
}

void ValidateMessage(const std::string& message, const FieldPath& path, Violations& out) {
  if (message.empty()) return;
  if (IsBlank(message)) return out.Invalid(path, message, "must be non-empty if specified");
  if (WithoutBlanks(message).find_first_of("\r\n") == std::string_view::npos) return;
  out.Invalid(path, message, "must not contain line breaks");
}

void ValidateValidation(const Validation& validation, const FieldPath& path,
                        const cel::AdmissionScope& scope, Violations& out) {
  const FieldPath expression = path.Child("expression");
  if (IsBlank(validation.expression)) {
    out.Required(expression, "expression is not specified");
  } else {
    CheckCompiled(scope.Compile(validation.expression, {.returns = cel::Returns::kBool}),
                  validation.expression, expression, out);
  }
  const std::string& message = validation.message_expression;
  const FieldPath message_path = path.Child("messageExpression");
  if (!message.empty() && IsBlank(message)) {
    out.Invalid(message_path, message, "must be non-empty if specified");
  } else if (!message.empty()) {
    const auto compiled =
        scope.Compile(message, {.returns = cel::Returns::kString, .authorizer = false});
    CheckCompiled(compiled, message, message_path, out);
  }
  ValidateMessage(validation.message, path.Child("message"), out);
  if (!validation.reason) return;
  CheckOneOf(*validation.reason, {"Forbidden", "Invalid", "RequestEntityTooLarge"},
             path.Child("reason"), out);
}

void ValidateAuditAnnotation(const AuditAnnotation& annotation, const std::string& policy,
                             const FieldPath& path, const cel::AdmissionScope& scope,
                             Violations& out) {
  const FieldPath key = path.Child("key");
  if (policy.empty()) {
    out.Invalid(key, annotation.key, "requires metadata.name be non-empty");
  } else {
    CheckFormat(LabelKeyErrors, policy + "/" + annotation.key, key, out);
  }
  const FieldPath value = path.Child("valueExpression");
  const std::string expression(WithoutBlanks(annotation.value_expression));
  if (expression.empty()) return out.Required(value, "valueExpression is not specified");
  if (expression.size() > kValueExpressionBytesMax) {
    // Sic: Kubernetes says of what is too long that it is required.
    return out.Required(
        value, fmt::format("must not exceed {} bytes in length", kValueExpressionBytesMax));
  }
  CheckCompiled(scope.Compile(expression, {.returns = cel::Returns::kStringOrNull}),
                annotation.value_expression, value, out);
}

void ValidateExpressions(const ValidatingAdmissionPolicy& object, const FieldPath& path,
                         Violations& out) {
  const ValidatingAdmissionPolicySpec& spec = object.spec;
  cel::AdmissionScope scope(
      {.params = bool(spec.param_kind), .composed = !spec.variables.empty()});
  ValidateVariables(spec.variables, path.Child("variables"), scope, out);
  const FieldPath validations = path.Child("validations");
  const FieldPath annotations = path.Child("auditAnnotations");
  if (spec.validations.empty() && spec.audit_annotations.empty()) {
    out.Required(validations, kNeedsAnItem);
    out.Required(annotations, kNeedsAnItem);
    return;
  }
  for (size_t i = 0; i < spec.validations.size(); ++i) {
    ValidateValidation(spec.validations[i], validations.Index(i), scope, out);
  }
  if (spec.audit_annotations.size() > kAuditAnnotationsMax) {
    out.Invalid(annotations, Printed(spec.audit_annotations),
                fmt::format("must not have more than {} auditAnnotations", kAuditAnnotationsMax));
  }
  std::set<std::string_view> keys;
  for (size_t i = 0; i < spec.audit_annotations.size(); ++i) {
    const AuditAnnotation& annotation = spec.audit_annotations[i];
    ValidateAuditAnnotation(annotation, object.metadata.name, annotations.Index(i), scope, out);
    if (!keys.insert(annotation.key).second) {
      out.Duplicate(annotations.Index(i).Child("key"), annotation.key);
    }
  }
}

void ValidateParamRef(const ParamRef& ref, const FieldPath& path, Violations& out) {
  constexpr const char* kExclusive = "name and selector are mutually exclusive";
  if (!ref.name.empty()) {
    CheckFormat(PathSegmentErrors, ref.name, path.Child("name"), out);
    if (ref.selector) out.Forbidden(path.Child("name"), kExclusive);
  }
  if (ref.selector) {
    ValidateLabelSelector(*ref.selector, {}, path.Child("selector"), out);
    if (!ref.name.empty()) out.Forbidden(path.Child("selector"), kExclusive);
  }
  if (ref.name.empty() && !ref.selector) {
    out.Required(path, "one of name or selector must be specified");
  }
  RequireOneOf(ref.parameter_not_found_action.value_or(""), {"Deny", "Allow"},
               path.Child("parameterNotFoundAction"), out);
}

void ValidateActions(const std::vector<std::string>& actions, const FieldPath& path,
                     Violations& out) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < actions.size(); ++i) {
    CheckOneOf(actions[i], {"Audit", "Deny", "Warn"}, path.Index(i), out);
    if (!seen.insert(actions[i]).second) out.Duplicate(path.Index(i), actions[i]);
  }
  if (seen.contains("Deny") && seen.contains("Warn")) {
    out.Invalid(path, actions,
                "must not contain both Deny and Warn (repeating the same validation failure "
                "information in the API response and headers serves no purpose)");
  }
  if (seen.empty()) out.Required(path, "at least one validation action is required");
}

// What is deleted cannot be changed. Sic: which rule it is the path does not say.
void ValidateMutableOperations(const Box<MatchResources>& match, const FieldPath& path,
                               Violations& out) {
  if (!match) return;
  const FieldPath operations = path.Child("resourceRules").Child("operations");
  for (const NamedRuleWithOperations& rule : match->resource_rules) {
    for (const std::string& operation : rule.operations) {
      CheckOneOf(operation, {"*", "CONNECT", "CREATE", "UPDATE"}, operations, out);
    }
  }
}

// What can be told of policies of either kind; `old` is nullptr on create.
template <typename Spec>
void ValidateMatching(const Spec& spec, const Spec* old, const FieldPath& path, Violations& out) {
  const FieldPath failure = path.Child("failurePolicy");
  if (spec.failure_policy) {
    CheckOneOf(*spec.failure_policy, {"Fail", "Ignore"}, failure, out);
  } else {
    out.Required(failure);
  }
  if (spec.param_kind) ValidateParamKind(*spec.param_kind, path.Child("paramKind"), out);
  const FieldPath match = path.Child("matchConstraints");
  if (!spec.match_constraints) {
    out.Required(match);
  } else {
    ValidateMatchResources(*spec.match_constraints, match, out);
    if (spec.match_constraints->resource_rules.empty()) out.Required(match.Child("resourceRules"));
    if constexpr (requires { spec.mutations; }) {
      ValidateMutableOperations(spec.match_constraints, match, out);
    }
  }
  // Conditions that were taken once stay, as long as the same can be named.
  const bool same_conditions = old != nullptr && old->param_kind == spec.param_kind &&
                               old->match_conditions == spec.match_conditions;
  if (!same_conditions) {
    ValidateMatchConditions(spec.match_conditions, bool(spec.param_kind),
                            path.Child("matchConditions"), out);
  }
}

void ValidateMutationExpression(const std::string& given, cel::Returns returns,
                                const cel::AdmissionScope& scope, const FieldPath& path,
                                Violations& out) {
  const std::string expression(WithoutBlanks(given));
  if (expression.empty()) return out.Required(path.Child("expression"));
  CheckCompiled(scope.Compile(expression, {.returns = returns}), expression,
                path.Child("expression"), out);
}

void ValidateMutation(const Mutation& mutation, const cel::AdmissionScope& scope,
                      const FieldPath& path, Violations& out) {
  const FieldPath type = path.Child("patchType");
  const FieldPath apply = path.Child("applyConfiguration");
  const FieldPath patch = path.Child("jsonPatch");
  if (mutation.patch_type.empty()) return out.Required(type);
  if (mutation.patch_type == "JSONPatch") {
    if (mutation.json_patch) {
      ValidateMutationExpression(mutation.json_patch->expression, cel::Returns::kJsonPatches,
                                 scope, patch, out);
    } else {
      out.Required(patch, "must be specified when patchType is JSONPatch");
    }
    if (mutation.apply_configuration) {
      out.Invalid(apply, "{applyConfiguration}",
                  "must not be specified when patchType is JSONPatch");
    }
  } else if (mutation.patch_type == "ApplyConfiguration") {
    if (mutation.apply_configuration) {
      ValidateMutationExpression(mutation.apply_configuration->expression,
                                 cel::Returns::kPatchObject, scope, apply, out);
    } else {
      out.Required(apply, "must be specified when patchType is ApplyConfiguration");
    }
    if (mutation.json_patch) {
      out.Invalid(patch, "{jsonPatch}",
                  "must not be specified when patchType is ApplyConfiguration");
    }
  } else {
    CheckOneOf(mutation.patch_type, {"ApplyConfiguration", "JSONPatch"}, type, out);
  }
}

// Of a binding of either kind.
template <typename Spec>
void ValidateBindingMatching(const Spec& spec, const FieldPath& path, Violations& out) {
  RequireFormat(Dns1123SubdomainErrors, spec.policy_name, path.Child("policyName"), out);
  if (spec.param_ref) ValidateParamRef(*spec.param_ref, path.Child("paramRef"), out);
  if (spec.match_resources) {
    ValidateMatchResources(*spec.match_resources, path.Child("matchResources"), out);
  }
}

}  // namespace

void ValidatePolicy(const ValidatingAdmissionPolicy& object, const ValidatingAdmissionPolicy* old,
                    Violations& out) {
  const FieldPath path("spec");
  ValidateMatching(object.spec, old == nullptr ? nullptr : &old->spec, path, out);
  ValidateExpressions(object, path, out);
}

void ValidateMutatingPolicy(const MutatingAdmissionPolicySpec& spec,
                            const MutatingAdmissionPolicySpec* old, Violations& out) {
  const FieldPath path("spec");
  ValidateMatching(spec, old, path, out);
  cel::AdmissionScope scope({.params = bool(spec.param_kind), .composed = true});
  ValidateVariables(spec.variables, path.Child("variables"), scope, out);
  const FieldPath mutations = path.Child("mutations");
  if (spec.mutations.empty()) {
    out.Required(mutations, "mutations must contain at least one item");
  }
  for (size_t i = 0; i < spec.mutations.size(); ++i) {
    ValidateMutation(spec.mutations[i], scope, mutations.Index(i), out);
  }
  RequireOneOf(spec.reinvocation_policy, {"IfNeeded", "Never"}, path.Child("reinvocationPolicy"),
               out);
}

void ValidatePolicyStatus(const ValidatingAdmissionPolicy& object,
                          const ValidatingAdmissionPolicy&, Violations& out) {
  const FieldPath path("status");
  if (object.status.type_checking) {
    const auto& warnings = object.status.type_checking->expression_warnings;
    const FieldPath list = path.Child("typeChecking").Child("expressionWarnings");
    for (size_t i = 0; i < warnings.size(); ++i) {
      Require(warnings[i].warning, list.Index(i).Child("warning"), out);
      const FieldPath ref = list.Index(i).Child("fieldRef");
      const std::string text(WithoutBlanks(warnings[i].field_ref));
      Require(text, ref, out);
      if (text.empty()) continue;
      if (const auto parsed = JsonPath::Parse("{" + text + "}"); !parsed) {
        out.Invalid(ref, text, "invalid JSONPath: " + parsed.error().message);
      }
    }
  }
  ValidateConditions(object.status.conditions, path.Child("conditions"), out);
}

void ValidatePolicyBinding(const ValidatingAdmissionPolicyBinding& object, Violations& out) {
  const FieldPath path("spec");
  ValidateBindingMatching(object.spec, path, out);
  ValidateActions(object.spec.validation_actions, path.Child("validationActions"), out);
}

void ValidateMutatingBinding(const MutatingAdmissionPolicyBindingSpec& spec, Violations& out) {
  const FieldPath path("spec");
  ValidateBindingMatching(spec, path, out);
  ValidateMutableOperations(spec.match_resources, path.Child("matchResources"), out);
}

}  // namespace skiff
