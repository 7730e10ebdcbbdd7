// What Kubernetes' own roles let a controller's service account do where it changes an object:
// patch it, or only update it as a whole.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/gen/rbac_v1.h"

namespace skiff {

// Immutable.
class AccountRights {
 public:
  // Of "deployment-controller" in kube-system, by the role system:controller:deployment-controller
  // as every server makes it, whatever else a cluster lets the account do. An account without such
  // a role may do nothing here.
  explicit AccountRights(const std::string& account);
  // The path of the object itself, where the account may update what a PATCH of `path` changes
  // ("/apis/apps/v1/namespaces/a/deployments/d/status"), and not patch it.
  std::optional<std::string> ObjectToUpdate(const std::string& path) const;

 private:
  std::vector<rbac_v1::PolicyRule> rules_;
};

}  // namespace skiff
