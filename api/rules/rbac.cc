// What the schema cannot say about roles and their bindings.
#include "api/gen/rbac_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using namespace rbac_v1;

constexpr const char* kGroup = "rbac.authorization.k8s.io";

template <typename Binding>
void SetDefaults(Binding& object) {
  Default(object.role_ref.api_group, kGroup);
  for (auto& subject : object.subjects) {
    if (subject.kind == "User" || subject.kind == "Group") Default(subject.api_group, kGroup);
  }
}

}  // namespace

Rules RoleRules() {
  return Erase<Role>({.allow_create_on_update = true});
}

Rules ClusterRoleRules() {
  return Erase<ClusterRole>({.allow_create_on_update = true});
}

Rules RoleBindingRules() {
  return Erase<RoleBinding>({
      .set_defaults = SetDefaults<RoleBinding>,
      .allow_create_on_update = true,
  });
}

Rules ClusterRoleBindingRules() {
  return Erase<ClusterRoleBinding>({
      .set_defaults = SetDefaults<ClusterRoleBinding>,
      .allow_create_on_update = true,
  });
}

}  // namespace skiff
