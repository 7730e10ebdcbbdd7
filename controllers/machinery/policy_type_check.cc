#include "controllers/machinery/policy_type_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "api/cel/admission_scope.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;

constexpr size_t kKindsMax = 10;  // Of one rule.
constexpr size_t kResourcesMax = 100;
constexpr std::string_view kPrefix = "compilation failed: ";

bool HasStar(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(),
                     [](const std::string& word) { return word.find('*') != word.npos; });
}

std::vector<NamedResource> ResourcesOf(const NamedRuleWithOperations& rule) {
  std::vector<NamedResource> resources;
  if (HasStar(rule.api_groups) || HasStar(rule.api_versions)) return resources;
  for (const std::string& group : rule.api_groups) {
    for (const std::string& version : rule.api_versions) {
      for (const std::string& resource : rule.resources) {
        if (resource.find_first_of("*/") != resource.npos) continue;
        resources.push_back({group, version, resource});
      }
    }
  }
  std::ranges::sort(resources);
  return resources;
}

// The scopes of a policy, one a kind, with its variables.
std::vector<cel::AdmissionScope> ScopesOf(const ValidatingAdmissionPolicySpec& spec,
                                          const std::vector<DeclaredKind>& kinds,
                                          const cel::TypeRef& params) {
  std::vector<cel::AdmissionScope> scopes;
  for (const DeclaredKind& kind : kinds) {
    cel::AdmissionScope& scope = scopes.emplace_back(cel::AdmissionScope::Options{
        .params = params != nullptr, .composed = true, .object = kind.type, .params_type = params});
    for (const Variable& variable : spec.variables) {
      scope.AddVariable(variable.name, scope.Compile(variable.expression, {}).type());
    }
  }
  return scopes;
}

}  // namespace

std::string DeclaredKind::Name() const {
  return fmt::format("{}/{}, Kind={}", group, version, kind);
}

Result<std::vector<DeclaredKind>> KindsToCheck(
    const ValidatingAdmissionPolicySpec& spec,
    const std::function<Result<std::vector<DeclaredKind>>(const NamedResource&)>& kinds_of) {
  const auto before = [](const DeclaredKind& a, const DeclaredKind& b) {
    return std::tie(a.group, a.version, a.kind) < std::tie(b.group, b.version, b.kind);
  };
  std::set<DeclaredKind, decltype(before)> found(before);
  std::map<NamedResource, std::vector<DeclaredKind>> known;
  const auto sorted = [&] { return std::vector<DeclaredKind>(found.begin(), found.end()); };
  if (!spec.match_constraints) return sorted();
  for (const NamedRuleWithOperations& rule : spec.match_constraints->resource_rules) {
    size_t named = 0;
    for (const NamedResource& resource : ResourcesOf(rule)) {
      if (!known.contains(resource)) {
        if (known.size() == kResourcesMax) return sorted();
        known[resource] = TRY(kinds_of(resource));
      }
      for (const DeclaredKind& kind : known[resource]) {
        found.insert(kind);
        if (++named == kKindsMax) return sorted();
      }
    }
  }
  return sorted();
}

std::vector<ExpressionWarning> CheckPolicyTypes(const ValidatingAdmissionPolicySpec& spec,
                                                const std::vector<DeclaredKind>& kinds,
                                                const cel::TypeRef& params) {
  const auto scopes = ScopesOf(spec, kinds, params);
  std::vector<ExpressionWarning> warnings;
  const auto check = [&](const std::string& expression, size_t index, const char* field) {
    std::string text;
    for (size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i].type == nullptr) continue;
      std::string error = scopes[i].Compile(expression, {}).error;
      if (error.empty()) continue;
      if (error.starts_with(kPrefix)) error.erase(0, kPrefix.size());
      if (!text.empty()) text += '\n';
      text += fmt::format("{}: {}\n", kinds[i].Name(), error);
    }
    if (text.empty()) return;
    ExpressionWarning& warning = warnings.emplace_back();
    warning.field_ref = fmt::format("spec.validations[{}].{}", index, field);
    warning.warning = std::move(text);
  };
  for (size_t i = 0; i < spec.validations.size(); ++i) {
    const Validation& validation = spec.validations[i];
    check(validation.expression, i, "expression");
    if (!validation.message_expression.empty()) {
      check(validation.message_expression, i, "messageExpression");
    }
  }
  return warnings;
}

}  // namespace skiff
