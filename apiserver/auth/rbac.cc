#include "apiserver/auth/rbac.h"

#include <algorithm>
#include <set>

#include "apiserver/request/api_errors.h"
#include "base/at_once.h"

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

// What a loop goes through: somebody may hold a million words, and a request ask for as many rights
// as it has headers.
constexpr size_t kWordsAtOnce = 10'000;
constexpr size_t kBindingsAtOnce = 1'000;

size_t WordsIn(const rbac_v1::PolicyRule& rule) {
  return 1 + rule.verbs.size() + rule.api_groups.size() + rule.resources.size() +
         rule.resource_names.size() + rule.non_resource_urls.size();
}

// Calls `visit` with each role that the user holds until it returns false.
template <typename Visit>
void VisitHeld(RoleHoldings& holdings, const User& user, std::string_view namespace_name,
               const Visit& visit, std::vector<std::string>& errors) {
  for (const std::string_view space : {std::string_view(), namespace_name}) {
    const auto held = holdings.Of(user, space);
    const size_t bindings = held->roles.size() + held->errors.size();
    if (bindings > kBindingsAtOnce && !MayWait()) return;
    errors.insert(errors.end(), held->errors.begin(), held->errors.end());
    for (const HeldRole& role : held->roles) {
      if (!visit(role)) return;
    }
    if (namespace_name.empty()) return;
  }
}

}  // namespace

bool RuleAllows(const rbac_v1::PolicyRule& rule, const Access& access) {
  if (!Has(rule.verbs, "*") && !Has(rule.verbs, access.verb)) return false;
  if (!access.is_resource) return PathMatches(rule, access.path);
  if (!Has(rule.api_groups, "*") && !Has(rule.api_groups, access.group)) return false;
  if (!ResourceMatches(rule, access)) return false;
  return rule.resource_names.empty() || Has(rule.resource_names, access.name);
}

void RbacAuthorizer::VisitRules(const User& user, std::string_view namespace_name,
                                const VisitRule& visit, std::vector<std::string>& errors) {
  VisitHeld(
      holdings_, user, namespace_name,
      [&](const HeldRole& role) {
        return std::all_of(role.rules->begin(), role.rules->end(), visit);
      },
      errors);
}

std::vector<RbacAuthorizer::Rules> RbacAuthorizer::RolesHeld(const User& user,
                                                             std::string_view namespace_name,
                                                             std::vector<std::string>& errors) {
  std::set<Rules> held;
  VisitHeld(
      holdings_, user, namespace_name,
      [&](const HeldRole& role) {
        held.insert(role.rules);
        return true;
      },
      errors);
  return {held.begin(), held.end()};
}

Verdict RbacAuthorizer::Authorize(const User& user, const Access& access) {
  std::string allowed_by;
  std::vector<std::string> errors;
  size_t words = 0;
  const auto allows = [&](const rbac_v1::PolicyRule& rule) {
    words += WordsIn(rule);
    if (words > kWordsAtOnce && !MayWait()) return false;
    return RuleAllows(rule, access);
  };
  VisitHeld(
      holdings_, user, access.is_resource ? access.namespace_name : "",
      [&](const HeldRole& role) {
        if (std::any_of(role.rules->begin(), role.rules->end(), allows)) allowed_by = role.by;
        return allowed_by.empty() && !IsVoid();
      },
      errors);
  if (!allowed_by.empty()) {
    return {.decision = Verdict::Decision::kAllow, .reason = "RBAC: allowed by " + allowed_by};
  }
  if (errors.empty()) return {};
  return {.reason = "RBAC: " + JoinedErrors(errors)};
}

}  // namespace skiff
