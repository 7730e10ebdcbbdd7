// Roles and bindings that are there already, and what they should hold at least: what is missing is
// added, and what others added stays unless it is to go. Who annotates one with
// rbac.authorization.kubernetes.io/autoupdate: "false" keeps it as it is. Pure.
//
//   const auto next = TRY(ReconcileRbac(present, wanted, {}));
//   if (next.need == RbacNeed::kUpdate && !next.is_protected) ... next.object ...
#pragma once

#include <vector>

#include "api/gen/rbac_v1.h"
#include "api/values.h"
#include "base/error.h"

namespace skiff {

enum class RbacNeed : uint8_t {
  kNone,
  kUpdate,
  kRecreate,  // A binding of another role, and no binding changes its role.
};

struct ReconciledRbac {
  RbacNeed need = RbacNeed::kNone;
  bool is_protected = false;
  Json object;  // What should take the place of what is there.
  // Each of one verb, group and resource, and one name at most. What is too much is looked for only
  // where it is to go.
  std::vector<rbac_v1::PolicyRule> missing_rules, extra_rules;
  std::vector<rbac_v1::Subject> missing_subjects, extra_subjects;
};

struct RbacExtras {
  bool remove_permissions = false;
  bool remove_subjects = false;
};

// Of documents of one kind; what has a roleRef is a binding. Invalid when there are more rules than
// can be compared: then not all that is missing would be known.
Result<ReconciledRbac> ReconcileRbac(const Json& present, const Json& wanted,
                                     const RbacExtras& extras);
// As they are listed there.
std::vector<rbac_v1::PolicyRule> BrokenDown(const std::vector<rbac_v1::PolicyRule>& rules);

}  // namespace skiff
