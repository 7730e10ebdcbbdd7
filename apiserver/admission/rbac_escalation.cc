// Who writes roles and bindings may grant what they hold themselves, and no more, unless a rule
// lets them escalate or bind. Kubernetes does this in the kinds' storage; here it stands with the
// plugins, which know the user.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/rules/identity/rule_coverage.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/auth/rbac.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

using namespace rbac_v1;

constexpr const char* kGroup = "rbac.authorization.k8s.io";

// Whether nothing changes but what the garbage collector takes away. `T` is of these kinds.
template <typename T>
bool OnlyCollects(const T& object, const T* old) {
  if (old == nullptr) return false;
  T compared = object;
  compared.metadata.finalizers = old->metadata.finalizers;
  compared.metadata.owner_references = old->metadata.owner_references;
  compared.metadata.managed_fields = old->metadata.managed_fields;
  compared.metadata.resource_version = old->metadata.resource_version;
  compared.metadata.uid = old->metadata.uid;
  return compared == *old;
}

bool Aggregates(const ClusterRole& role) {
  return role.aggregation_rule && !role.aggregation_rule->cluster_role_selectors.empty();
}

class RbacEscalation final : public AdmissionPlugin, public Admits {
 public:
  explicit RbacEscalation(const AdmissionParts& parts)
      : authorizer_(parts.authorizer),
        rbac_({parts.caches.cluster_roles, parts.caches.cluster_role_bindings, parts.caches.roles,
               parts.caches.role_bindings}) {}
  std::string_view name() const override { return "RbacEscalation"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.kind.group != kGroup || request.object == nullptr) return {};
    if (request.user.InGroup(kGroupMasters)) return {};
    if (const auto* role = request.object->As<Role>()) return CheckRole(request, *role);
    if (const auto* role = request.object->As<ClusterRole>()) return CheckRole(request, *role);
    if (const auto* binding = request.object->As<RoleBinding>()) {
      return CheckBinding(request, *binding);
    }
    if (const auto* binding = request.object->As<ClusterRoleBinding>()) {
      return CheckBinding(request, *binding);
    }
    return {};
  }

 private:
  bool MayDo(const AdmissionRequest& request, const char* verb, std::string_view resource,
             const std::string& name) {
    const Access access{.verb = verb,
                        .group = kGroup,
                        .version = "*",
                        .resource = std::string(resource),
                        .namespace_name = request.namespace_name,
                        .name = name};
    return authorizer_.Authorize(request.user, access).allowed();
  }

  // What of `rules` the user does not hold.
  MissingRights Missing(const AdmissionRequest& request, const PolicyRules& rules,
                        std::vector<std::string>& errors) {
    const auto roles = rbac_.RolesHeld(request.user, request.namespace_name, errors);
    std::vector<const PolicyRule*> held;
    for (const auto& role : roles) {
      for (const PolicyRule& rule : *role) held.push_back(&rule);
    }
    return FindMissingRights(held, rules);
  }

  Result<> CheckGrant(const AdmissionRequest& request, const PolicyRules& rules) {
    std::vector<std::string> errors;
    const MissingRights missing = Missing(request, rules, errors);
    if (missing.none()) return {};
    std::set<std::string> lines;
    for (const PolicyRule& rule : missing.rules) lines.insert(RuleText(rule));
    std::string text = fmt::format(
        "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        Quoted(request.user.name), QuotedList(request.user.groups), fmt::join(lines, "\n"));
    if (!missing.complete) {
      text += lines.empty() ? "(too many to be compared)" : "\n(and more than can be listed)";
    }
    if (!errors.empty()) text += fmt::format("; resolution errors: [{}]", fmt::join(errors, " "));
    return Fail(Forbidden(GroupResourceOf(request.kind), request.object->metadata().name, text));
  }

  template <typename T>
  Result<> CheckRole(const AdmissionRequest& request, const T& role) {
    const T* old = request.old_object ? request.old_object->As<T>() : nullptr;
    if (OnlyCollects(role, old)) return {};
    // A right that names roles holds for those of that name in the path, as in kube-apiserver: who
    // may escalate one role makes no other, nor that one anew by POST.
    if (MayDo(request, "escalate", request.kind.resource, request.name_in_path)) return {};
    TRY(CheckGrant(request, role.rules));
    if constexpr (std::is_same_v<T, ClusterRole>) {
      if (!Aggregates(role) && (old == nullptr || !Aggregates(*old))) return {};
      // It can gather anything, so it takes the right to everything.
      PolicyRule all;
      all.verbs = all.api_groups = all.resources = {"*"};
      PolicyRule everywhere;
      everywhere.verbs = everywhere.non_resource_urls = {"*"};
      std::vector<std::string> errors;
      if (Missing(request, {all, everywhere}, errors).none()) return {};
      return Fail(Forbidden(GroupResourceOf(request.kind), role.metadata.name,
                            "must have cluster-admin privileges to use the aggregationRule"));
    }
    return {};
  }

  template <typename T>
  Result<> CheckBinding(const AdmissionRequest& request, const T& binding) {
    const T* old = request.old_object ? request.old_object->As<T>() : nullptr;
    if (OnlyCollects(binding, old)) return {};
    const RoleRef& role = binding.role_ref;
    const char* resource = role.kind == "ClusterRole" ? "clusterroles" : "roles";
    if (MayDo(request, "bind", resource, role.name)) return {};
    if (role.kind == "Role" && request.namespace_name.empty()) {
      return Fail(Reason::kBadRequest, "Namespace parameter required.");
    }
    const auto rules = rbac_.RulesOf(role, request.namespace_name);
    // As Kubernetes words it: as if the binding itself were what is missing.
    if (!rules) return Fail(NotFoundError(GroupResourceOf(request.kind), role.name));
    return CheckGrant(request, **rules);
  }

  Authorizer& authorizer_;
  RbacAuthorizer rbac_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeRbacEscalation(const AdmissionParts& parts) {
  return std::make_unique<RbacEscalation>(parts);
}

}  // namespace skiff
