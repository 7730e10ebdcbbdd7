#include "controllers/network/hinted_services.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff {
namespace {

HintedServices::Said Say(bool enabled, const std::string& text, const std::string& family) {
  return {!enabled, enabled ? "TopologyAwareHintsEnabled" : "TopologyAwareHintsDisabled",
          fmt::format("{}, addressType: {}", text, family)};
}

}  // namespace

std::vector<HintedServices::Said> HintedServices::Hint(const core_v1::Service& service,
                                                       const std::string& family,
                                                       const Informer<core_v1::Node>& nodes,
                                                       SliceChanges& changes) {
  const ObjectKey key = KeyOf(service);
  if (!WantsZoneShares(service)) {
    HintByDistribution(service.spec.traffic_distribution.value_or(""), changes);
    if (!Forget(key, family)) return {};
    return {Say(false, "Topology Aware Hints has been disabled", family)};
  }
  Allotted allotted = HintByShares(Shares(nodes), changes);
  if (!allotted.refusal.empty()) {
    Forget(key, family);
    return {Say(false, allotted.refusal, family)};
  }
  const MutexLock lock(mutex_);
  given_[key][family] = std::move(allotted.endpoints);
  if (!hinted_.insert(key).second) return {};
  return {Say(true, "Topology Aware Hints has been enabled", family)};
}

std::vector<ObjectKey> HintedServices::Overloaded(const Informer<core_v1::Node>& nodes) {
  std::vector<ObjectKey> services;
  {
    const MutexLock lock(mutex_);
    shares_.reset();
    if (given_.empty()) return services;
  }
  const ZoneShares shares = Shares(nodes);
  const MutexLock lock(mutex_);
  for (const auto& [service, families] : given_) {
    const bool overloaded = std::any_of(families.begin(), families.end(), [&](const auto& given) {
      return IsOverloaded(given.second, shares);
    });
    if (overloaded) services.push_back(service);
  }
  return services;
}

bool HintedServices::Forget(const ObjectKey& service, const std::string& family) {
  const MutexLock lock(mutex_);
  const auto found = given_.find(service);
  if (found != given_.end()) {
    found->second.erase(family);
    if (found->second.empty()) given_.erase(found);
  }
  return hinted_.erase(service) > 0;
}

void HintedServices::Forget(const ObjectKey& service) {
  const MutexLock lock(mutex_);
  given_.erase(service);
  hinted_.erase(service);
}

ZoneShares HintedServices::Shares(const Informer<core_v1::Node>& nodes) {
  const MutexLock lock(mutex_);
  if (!shares_) shares_ = SharesOf(nodes.List());
  return *shares_;
}

}  // namespace skiff
