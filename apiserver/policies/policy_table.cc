#include "apiserver/policies/policy_table.h"

#include <map>

#include "base/at_once.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;

MatchCriteria CriteriaFrom(const Box<MatchResources>& match, bool no_rules_match_all) {
  MatchCriteria made{.no_rules_match_all = no_rules_match_all};
  if (!match) return made;
  for (const auto& rule : match->resource_rules) made.rules.push_back(ResourceRuleOf(rule));
  for (const auto& rule : match->exclude_resource_rules) {
    made.excluded.push_back(ResourceRuleOf(rule));
  }
  made.equivalent = match->match_policy != "Exact";
  made.namespace_selector = SelectorOf(match->namespace_selector);
  made.object_selector = SelectorOf(match->object_selector);
  return made;
}

}  // namespace

template <typename Family>
ActivePolicy<Family>::ActivePolicy(std::shared_ptr<const Policy> policy)
    : policy_(std::move(policy)), criteria_(CriteriaFrom(policy_->spec.match_constraints, false)) {}

template <typename Family>
const typename Family::Expressions& ActivePolicy<Family>::expressions() const {
  std::call_once(once_, [this] { expressions_ = CompilePolicy(policy_->spec); });
  return expressions_;
}

template <typename Family>
std::shared_ptr<const BoundPolicies<Family>> PolicyTable<Family>::Now() {
  // In this order: what is read then is as new as these, or newer.
  const uint64_t policies_version = policies_.Version(), bindings_version = bindings_.Version();
  const bool may_be_used = (policies_.IsWhole() && bindings_.IsWhole()) || IsVoid();
  {
    const MutexLock lock(mutex_);
    if (policies_version_ == policies_version && bindings_version_ == bindings_version) {
      return may_be_used ? now_ : nullptr;
    }
  }
  bool has_all_policies = false, has_all_bindings = false;
  const auto policies = policies_.All(&has_all_policies);
  const auto bindings = bindings_.All(&has_all_bindings);
  const MutexLock lock(mutex_);
  if (IsVoid()) return now_;  // Either may be nothing of what there is.
  if (!has_all_policies || !has_all_bindings) return nullptr;
  policies_version_ = policies_version;
  bindings_version_ = bindings_version;
  const bool new_policies = Refresh(read_policies_, policies, [](const auto& policy) {
    return std::make_shared<const ActivePolicy<Family>>(policy);
  });
  const bool new_bindings = Refresh(read_bindings_, bindings, [](const auto& binding) {
    return std::make_shared<const ActiveBinding<Family>>(
        ActiveBinding<Family>{binding, CriteriaFrom(binding->spec.match_resources, true)});
  });
  if (!new_policies && !new_bindings) return now_;
  std::map<std::string_view, std::vector<std::shared_ptr<const ActiveBinding<Family>>>> by_policy;
  for (const auto& each : read_bindings_) {
    by_policy[each.from->spec.policy_name].push_back(each.made);
  }
  auto next = std::make_shared<BoundPolicies<Family>>();
  for (const auto& each : read_policies_) {
    const auto found = by_policy.find(each.from->metadata.name);
    if (found != by_policy.end()) next->push_back({each.made, found->second});
  }
  now_ = std::move(next);
  return now_;
}

template class ActivePolicy<ValidatingFamily>;
template class ActivePolicy<MutatingFamily>;
template class PolicyTable<ValidatingFamily>;
template class PolicyTable<MutatingFamily>;

}  // namespace skiff
