#include "apiserver/auth/rbac.h"

#include <algorithm>
#include <set>

#include "apiserver/api_errors.h"

namespace skiff {
namespace {

bool Has(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool ResourceMatches(const rbac_v1::PolicyRule& rule, const Access& access) {
  if (Has(rule.resources, "*") || Has(rule.resources, access.QualifiedResource())) return true;
  return !access.subresource.empty() && Has(rule.resources, "*/" + access.subresource);
}

bool PathMatches(const rbac_v1::PolicyRule& rule, std::string_view path) {
  for (const std::string& pattern : rule.non_resource_urls) {
    if (pattern == "*" || pattern == path) return true;
    if (!pattern.ends_with('*')) continue;
    std::string_view prefix = pattern;
    while (prefix.ends_with('*')) prefix.remove_suffix(1);
    if (path.starts_with(prefix)) return true;
  }
  return false;
}

// The subject by which a binding concerns the user; nullptr: it does not.
template <typename Binding>
const rbac_v1::Subject* SubjectFor(const Binding& binding, const User& user) {
  const auto found =
      std::find_if(binding.subjects.begin(), binding.subjects.end(), [&](const auto& subject) {
        return SubjectIs(subject, user, binding.metadata.namespace_);
      });
  return found == binding.subjects.end() ? nullptr : &*found;
}

// RoleBinding "b/a" of Role "r" to User "u"
template <typename Binding>
std::string Describe(const Binding& binding, const rbac_v1::Subject& subject) {
  const std::string& space = binding.metadata.namespace_;
  std::string name = subject.name;
  if (subject.kind == "ServiceAccount") {
    name += "/" + (subject.namespace_.empty() ? space : subject.namespace_);
  }
  return std::string(Binding::Info().kind) + " " +
         Quoted(space.empty() ? binding.metadata.name : binding.metadata.name + "/" + space) +
         " of " + binding.role_ref.kind + " " + Quoted(binding.role_ref.name) + " to " +
         subject.kind + " " + Quoted(name);
}

// Calls `visit(rules, describe)` with those of every role that the user holds until it returns
// false.
template <typename Visit>
void VisitHeld(RbacAuthorizer& rbac, const RbacObjects& objects, const User& user,
               std::string_view namespace_name, const Visit& visit,
               std::vector<std::string>& errors) {
  // Returns false when the visitor has seen enough.
  const auto visit_role = [&](const auto& binding, const rbac_v1::Subject& subject) {
    const auto rules = rbac.RulesOf(binding.role_ref, binding.metadata.namespace_);
    if (!rules) {
      // Singular in this one message, as Kubernetes words it.
      const char* kind = binding.role_ref.kind == "ClusterRole" ? "clusterrole" : "role";
      errors.push_back(std::string(kind) + ".rbac.authorization.k8s.io " +
                       Quoted(binding.role_ref.name) + " not found");
      return true;
    }
    return visit(*rules, [&] { return Describe(binding, subject); });
  };
  for (const auto& binding : objects.cluster_role_bindings.All()) {
    const auto* subject = SubjectFor(*binding, user);
    if (subject != nullptr && !visit_role(*binding, *subject)) return;
  }
  if (namespace_name.empty()) return;
  for (const auto& binding : objects.role_bindings.InNamespace(namespace_name)) {
    const auto* subject = SubjectFor(*binding, user);
    if (subject != nullptr && !visit_role(*binding, *subject)) return;
  }
}

}  // namespace

bool RuleAllows(const rbac_v1::PolicyRule& rule, const Access& access) {
  if (!Has(rule.verbs, "*") && !Has(rule.verbs, access.verb)) return false;
  if (!access.is_resource) return PathMatches(rule, access.path);
  if (!Has(rule.api_groups, "*") && !Has(rule.api_groups, access.group)) return false;
  if (!ResourceMatches(rule, access)) return false;
  return rule.resource_names.empty() ||
         (!access.name.empty() && Has(rule.resource_names, access.name));
}

bool SubjectIs(const rbac_v1::Subject& subject, const User& user,
               std::string_view binding_namespace) {
  if (subject.kind == "User") return subject.name == user.name;
  if (subject.kind == "Group") return user.InGroup(subject.name);
  if (subject.kind != "ServiceAccount") return false;
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  const std::string_view space =
      subject.namespace_.empty() ? binding_namespace : std::string_view(subject.namespace_);
  std::string_view name = user.name;
  if (space.empty() || !name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  return name.size() == space.size() + 1 + subject.name.size() && name.starts_with(space) &&
         name[space.size()] == ':' && name.ends_with(subject.name);
}

Result<RbacAuthorizer::Rules> RbacAuthorizer::RulesOf(const rbac_v1::RoleRef& role,
                                                      std::string_view namespace_name) {
  constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
  if (role.kind == "ClusterRole") {
    const auto found = objects_.cluster_roles.Find("", role.name);
    if (!found) return Fail(NotFoundError({kGroup, "clusterroles"}, role.name));
    return Rules(found, &found->rules);
  }
  const auto found = objects_.roles.Find(namespace_name, role.name);
  if (!found) return Fail(NotFoundError({kGroup, "roles"}, role.name));
  return Rules(found, &found->rules);
}

void RbacAuthorizer::VisitRules(const User& user, std::string_view namespace_name,
                                const VisitRule& visit, std::vector<std::string>& errors) {
  VisitHeld(
      *this, objects_, user, namespace_name,
      [&](const Rules& rules, const auto&) {
        return std::all_of(rules->begin(), rules->end(), visit);
      },
      errors);
}

std::vector<RbacAuthorizer::Rules> RbacAuthorizer::RolesHeld(const User& user,
                                                             std::string_view namespace_name,
                                                             std::vector<std::string>& errors) {
  std::set<Rules> held;
  VisitHeld(
      *this, objects_, user, namespace_name,
      [&](const Rules& rules, const auto&) {
        held.insert(rules);
        return true;
      },
      errors);
  return {held.begin(), held.end()};
}

Verdict RbacAuthorizer::Authorize(const User& user, const Access& access) {
  std::string allowed_by;
  std::vector<std::string> errors;
  VisitHeld(
      *this, objects_, user, access.is_resource ? access.namespace_name : "",
      [&](const Rules& rules, const auto& describe) {
        const bool allows =
            std::any_of(rules->begin(), rules->end(), [&](const rbac_v1::PolicyRule& rule) {
              return RuleAllows(rule, access);
            });
        if (allows) allowed_by = describe();
        return !allows;
      },
      errors);
  if (!allowed_by.empty()) {
    return {.decision = Verdict::Decision::kAllow, .reason = "RBAC: allowed by " + allowed_by};
  }
  if (errors.empty()) return {};
  std::string text = errors[0];
  for (size_t i = 1; i < errors.size(); ++i) text += ", " + errors[i];
  return {.reason = "RBAC: " + (errors.size() > 1 ? "[" + text + "]" : text)};
}

}  // namespace skiff
