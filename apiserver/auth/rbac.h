// Role-based access control: rules that roles hold and bindings give to users, groups and service
// accounts. It allows or has no opinion; it never denies.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/rbac_v1.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/auth/role_holdings.h"

namespace skiff {

// Whether one rule covers an access.
bool RuleAllows(const rbac_v1::PolicyRule& rule, const Access& access);

// Thread-safe. As fresh as the store.
class RbacAuthorizer final : public Authorizer {
 public:
  explicit RbacAuthorizer(RbacObjects objects) : objects_(objects), holdings_(objects) {}
  Verdict Authorize(const User& user, const Access& access) override;
  void TellRules(const User& user, const std::string& namespace_name, const VisitRule& visit,
                 RulesTold& told) override {
    VisitRules(user, namespace_name, visit, told.errors);
  }

  // Calls `visit` with every rule the user holds in the namespace ("" for cluster-wide ones alone)
  // until it returns false. `errors` gets a text for each role that is bound but missing.
  void VisitRules(const User& user, std::string_view namespace_name, const VisitRule& visit,
                  std::vector<std::string>& errors);
  using Rules = RulesPtr;
  // The same, by role, each once however many bindings lead to it.
  std::vector<Rules> RolesHeld(const User& user, std::string_view namespace_name,
                               std::vector<std::string>& errors);
  // The rules of the role that a binding in `namespace_name` refers to.
  Result<Rules> RulesOf(const rbac_v1::RoleRef& role, std::string_view namespace_name) {
    return RulesOfRole(objects_, role, namespace_name);
  }
  // How often it had to be worked out what somebody holds.
  uint64_t worked_out() const { return holdings_.worked_out(); }

 private:
  RbacObjects objects_;
  RoleHoldings holdings_;
};

}  // namespace skiff
