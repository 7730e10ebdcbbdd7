// Whether somebody who holds some RBAC rules holds what others say, too: who writes roles may grant
// no more than that. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/gen/rbac_v1.h"

namespace skiff {

using PolicyRules = std::vector<rbac_v1::PolicyRule>;

// What of `wanted` no rule of `held` covers, broken down to single verbs, groups and resources and
// put together again where only the verbs differ.
PolicyRules MissingRules(const PolicyRules& held, const PolicyRules& wanted);

// {APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}
std::string RuleText(const rbac_v1::PolicyRule& rule);

// `["a" "b"]`, as Go's %q prints a list.
std::string QuotedList(const std::vector<std::string>& list);

}  // namespace skiff
