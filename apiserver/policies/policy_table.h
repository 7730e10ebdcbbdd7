// The policies that act now, each with its bindings. As fresh as the store, as object_cache.h is;
// what did not change since the last request is not read, and no expression compiled, again.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/gen/admissionregistration_v1.h"
#include "apiserver/admission/rule_match.h"
#include "apiserver/objects/object_cache.h"
#include "apiserver/policies/policy.h"

namespace skiff {

// One version of a policy. Thread-safe.
class ActivePolicy {
 public:
  using Policy = admissionregistration_v1::ValidatingAdmissionPolicy;
  explicit ActivePolicy(std::shared_ptr<const Policy> policy);

  const Policy& policy() const { return *policy_; }
  const MatchCriteria& criteria() const { return criteria_; }
  // Compiled by the first request that it matches.
  const PolicyExpressions& expressions() const;

 private:
  const std::shared_ptr<const Policy> policy_;
  const MatchCriteria criteria_;
  mutable std::once_flag once_;
  mutable PolicyExpressions expressions_;
};

struct ActiveBinding {
  std::shared_ptr<const admissionregistration_v1::ValidatingAdmissionPolicyBinding> binding;
  MatchCriteria criteria;
};

struct BoundPolicy {
  std::shared_ptr<const ActivePolicy> policy;
  std::vector<std::shared_ptr<const ActiveBinding>> bindings;  // By name; at least one.
};
using BoundPolicies = std::vector<BoundPolicy>;  // By name.

// Thread-safe.
class PolicyTable {
 public:
  explicit PolicyTable(Store& store) : policies_(store), bindings_(store) {}
  // Never null.
  std::shared_ptr<const BoundPolicies> Now();

 private:
  using Policy = admissionregistration_v1::ValidatingAdmissionPolicy;
  using Binding = admissionregistration_v1::ValidatingAdmissionPolicyBinding;
  using ReadPolicy = MadeOf<Policy, std::shared_ptr<const ActivePolicy>>;
  using ReadBinding = MadeOf<Binding, std::shared_ptr<const ActiveBinding>>;

  ObjectCache<Policy> policies_;
  ObjectCache<Binding> bindings_;
  Mutex mutex_;  // Not held while the objects are read from the store.
  std::vector<ReadPolicy> read_policies_ GUARDED_BY(mutex_);   // By name.
  std::vector<ReadBinding> read_bindings_ GUARDED_BY(mutex_);  // Likewise.
  // Of what was read: nothing is looked through until one of them rises.
  uint64_t policies_version_ GUARDED_BY(mutex_) = 0;
  uint64_t bindings_version_ GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const BoundPolicies> now_ GUARDED_BY(mutex_) =
      std::make_shared<const BoundPolicies>();
};

}  // namespace skiff
