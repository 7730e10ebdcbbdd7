// Role-based access control: rules that roles hold and bindings give to users, groups and service
// accounts. It allows or has no opinion; it never denies.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/rbac_v1.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/object_cache.h"

namespace skiff {

// Whether one rule covers an access.
bool RuleAllows(const rbac_v1::PolicyRule& rule, const Access& access);
// Whether the subject of a binding is that user. `binding_namespace` is the default of a service
// account's namespace.
bool SubjectIs(const rbac_v1::Subject& subject, const User& user,
               std::string_view binding_namespace);

// Where the objects come from.
struct RbacObjects {
  ObjectCache<rbac_v1::ClusterRole>& cluster_roles;
  ObjectCache<rbac_v1::ClusterRoleBinding>& cluster_role_bindings;
  ObjectCache<rbac_v1::Role>& roles;
  ObjectCache<rbac_v1::RoleBinding>& role_bindings;
};

class RbacAuthorizer final : public Authorizer {
 public:
  explicit RbacAuthorizer(RbacObjects objects) : objects_(objects) {}
  Verdict Authorize(const User& user, const Access& access) override;

  // Calls `visit` with every rule the user holds in the namespace ("" for cluster-wide ones alone)
  // until it returns false. `errors` gets a text for each role that is bound but missing.
  using VisitRule = std::function<bool(const rbac_v1::PolicyRule& rule)>;
  void VisitRules(const User& user, std::string_view namespace_name, const VisitRule& visit,
                  std::vector<std::string>& errors);
  using Rules = std::shared_ptr<const std::vector<rbac_v1::PolicyRule>>;
  // The same, by role, each once however many bindings lead to it.
  std::vector<Rules> RolesHeld(const User& user, std::string_view namespace_name,
                               std::vector<std::string>& errors);
  // The rules of the role that a binding in `namespace_name` refers to.
  Result<Rules> RulesOf(const rbac_v1::RoleRef& role, std::string_view namespace_name);

 private:
  RbacObjects objects_;
};

}  // namespace skiff
