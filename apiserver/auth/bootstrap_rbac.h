// The roles and bindings that a server makes at start, in a small grammar of lines:
//
//   clusterrole NAME                    a ClusterRole; its lines follow, indented
//   controller NAME                     ClusterRole system:controller:NAME, bound to the service
//                                       account kube-system/NAME
//   role NAMESPACE NAME                 a Role
//     label KEY VALUE
//     aggregate KEY VALUE               its rules are those of the roles with that label
//     allow VERBS GROUPS RESOURCES [NAMES]      lists with commas; "core" is the group ""
//     url VERBS PATHS
//   clusterbinding NAME ROLE            a ClusterRoleBinding to a ClusterRole
//   binding NAMESPACE NAME ROLE         a RoleBinding to a Role
//     subject KIND NAME                 User, Group or ServiceAccount (NAMESPACE/NAME)
//
// A line that ends with a comma or a backslash goes on in the next one.
#pragma once

#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff {

extern const std::string_view kBootstrapRoles;
extern const std::string_view kBootstrapControllerRoles;
extern const std::string_view kBootstrapBindings;
extern const std::string_view kBootstrapOwnRoles;  // Beyond Kubernetes' own.

// Documents with apiVersion and kind, in order. Crashes on text that is not of the grammar.
std::vector<Json> ParseBootstrapRbac(std::string_view text);

}  // namespace skiff
