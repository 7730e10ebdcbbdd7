// The policies that act now, each with its bindings. As fresh as the store, as object_cache.h is;
// what did not change since the last request is not read, and no expression compiled, again.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/gen/admissionregistration_v1.h"
#include "api/gen/admissionregistration_v1beta1.h"
#include "apiserver/admission/rule_match.h"
#include "apiserver/objects/object_cache.h"
#include "apiserver/policies/mutation.h"
#include "apiserver/policies/policy.h"
#include "apiserver/policies/request_view.h"

namespace skiff {

// The two families of policies: those that judge requests, and those that change objects.
struct ValidatingFamily {
  using Policy = admissionregistration_v1::ValidatingAdmissionPolicy;
  using Binding = admissionregistration_v1::ValidatingAdmissionPolicyBinding;
  using Expressions = PolicyExpressions;
};
struct MutatingFamily {
  using Policy = admissionregistration_v1beta1::MutatingAdmissionPolicy;
  using Binding = admissionregistration_v1beta1::MutatingAdmissionPolicyBinding;
  using Expressions = MutationExpressions;
};

// One version of a policy. Thread-safe.
template <typename Family>
class ActivePolicy {
 public:
  using Policy = typename Family::Policy;
  using Expressions = typename Family::Expressions;
  explicit ActivePolicy(std::shared_ptr<const Policy> policy);

  const Policy& policy() const { return *policy_; }
  const MatchCriteria& criteria() const { return criteria_; }
  bool ignores_failure() const { return policy_->spec.failure_policy == "Ignore"; }
  // Compiled by the first request that it matches.
  const Expressions& expressions() const;
  // Of which kinds those are shown structs as they lie.
  const SeenKinds& seen_kinds() const { return seen_kinds_; }

 private:
  const std::shared_ptr<const Policy> policy_;
  const MatchCriteria criteria_;
  mutable std::once_flag once_;
  mutable Expressions expressions_;
  const SeenKinds seen_kinds_;
};

template <typename Family>
struct ActiveBinding {
  std::shared_ptr<const typename Family::Binding> binding;
  MatchCriteria criteria;
};

template <typename Family>
struct BoundPolicy {
  std::shared_ptr<const ActivePolicy<Family>> policy;
  std::vector<std::shared_ptr<const ActiveBinding<Family>>> bindings;  // By name; at least one.
};
template <typename Family>
using BoundPolicies = std::vector<BoundPolicy<Family>>;  // By name.

// Thread-safe.
template <typename Family>
class PolicyTable {
 public:
  explicit PolicyTable(Store& store) : policies_(store), bindings_(store) {}
  // Null while a policy or a binding cannot be read: nobody knows what it would refuse.
  std::shared_ptr<const BoundPolicies<Family>> Now();

 private:
  using Policy = typename Family::Policy;
  using Binding = typename Family::Binding;
  using ReadPolicy = MadeOf<Policy, std::shared_ptr<const ActivePolicy<Family>>>;
  using ReadBinding = MadeOf<Binding, std::shared_ptr<const ActiveBinding<Family>>>;

  ObjectCache<Policy> policies_;
  ObjectCache<Binding> bindings_;
  Mutex mutex_;  // Not held while the objects are read from the store.
  std::vector<ReadPolicy> read_policies_ GUARDED_BY(mutex_);   // By name.
  std::vector<ReadBinding> read_bindings_ GUARDED_BY(mutex_);  // Likewise.
  // Of what was read: nothing is looked through until one of them rises.
  uint64_t policies_version_ GUARDED_BY(mutex_) = 0;
  uint64_t bindings_version_ GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const BoundPolicies<Family>> now_ GUARDED_BY(mutex_) =
      std::make_shared<const BoundPolicies<Family>>();
};

}  // namespace skiff
