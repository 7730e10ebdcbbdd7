// Whether somebody who holds some RBAC rules holds what others say, too: who writes roles may grant
// no more than that. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/gen/rbac_v1.h"

namespace skiff {

using PolicyRules = std::vector<rbac_v1::PolicyRule>;

struct MissingRights {
  // Broken down to single verbs, groups and resources and put together again where only the verbs
  // differ.
  PolicyRules rules;
  // False: there are more than are listed, or so many to compare that it was given up.
  bool complete = true;
  bool none() const { return rules.empty() && complete; }
};

// A rule of 80 groups, resources, verbs and names each is 4 KB of text and 40 million rights, so
// they are not written out: what is covered is found by sets, and what is not is listed up to here.
struct CoverageLimits {
  size_t rules_max = 10'000;
  size_t bytes_max = 1 << 20;    // Of their words.
  size_t steps_max = 20'000'000;  // Some 200 ms.
};

// What of `wanted` no rule of `held` covers.
MissingRights FindMissingRights(const std::vector<const rbac_v1::PolicyRule*>& held,
                                const PolicyRules& wanted, const CoverageLimits& limits = {});

// {APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}
std::string RuleText(const rbac_v1::PolicyRule& rule);

// `["a" "b"]`, as Go's %q prints a list.
std::string QuotedList(const std::vector<std::string>& list);

}  // namespace skiff
