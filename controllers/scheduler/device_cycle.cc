#include "controllers/scheduler/device_cycle.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/select/node_selector.h"
#include "base/hash.h"
#include "controllers/devices/resource_claim_plan.h"

namespace skiff::scheduler {
namespace {

// A node where devices are easily found is not passed over for the sake of those before it.
constexpr Duration kMoment = 1ms;

}  // namespace

Result<> CanStillBind(const DeviceBinding& device, const resource_v1::ResourceClaim& now) {
  const auto got = [&](const char* what) {
    return Fail(Reason::kInvalid,
                fmt::format("claim {} got {} in the meantime", NameOf(now), what));
  };
  // Another one may have its name.
  if (now.metadata.deletion_timestamp || now.metadata.uid != device.claim->metadata.uid) {
    return got("deleted");
  }
  if (device.allocation && now.status.allocation) return got("allocated elsewhere");
  return {};
}

const Verdict& DeviceCycle::Prepare() {
  if (!prepared_) {
    prepared_ = PrepareOnce();
    if (!prepared_->fits()) claims_.clear();
  }
  return *prepared_;
}

Verdict DeviceCycle::PrepareOnce() {
  auto claims = DeviceClaimsOf(pod_, view_.claim);
  if (!claims) return Verdict::Unresolvable(claims.error().message);
  claims_ = *std::move(claims);
  DeviceSearchInput input{.claims = {},
                          .slices = nullptr,
                          .allocated = view_.allocated,
                          .device_class = view_.device_class,
                          .selectors = view_.selectors};
  for (const DeviceClaimPtr& claim : claims_) {
    if (claim->status.allocation) {
      if (!IsFull(*claim) || IsReservedFor(*claim, pod_)) continue;
      return Verdict::Unresolvable("resourceclaim in use");
    }
    if (view_.is_under_way(claim->metadata.uid)) {
      return Verdict::Unresolvable(
          fmt::format("resource claim {} is in the process of being allocated", NameOf(*claim)));
    }
    const auto classes = CheckClasses(*claim, view_.device_class);
    if (!classes) return Verdict::Unresolvable(classes.error().message);
    input.claims.push_back(claim);
  }
  if (input.claims.empty()) return Verdict::Fits();
  input.slices = view_.slices();
  search_.emplace(std::move(input));
  time_ = 2 * view_.search_timeout;
  if (view_.allowances != nullptr && !view_.allowances->empty()) {
    time_ = view_.allowances->Left(Question(), time_, view_.now());
  }
  return Verdict::Fits();
}

const std::string& DeviceCycle::Question() {
  if (!question_.empty()) return question_;
  std::string all;
  for (const DeviceClaimPtr& claim : claims_) {
    if (claim->status.allocation) continue;
    resource_v1::ResourceClaim asks;
    asks.spec = claim->spec;
    all += Sha256(ToJson(asks).dump());
  }
  question_ = Sha256(all);
  return question_;
}

// Each search may take half of what is left, so that there is something left for others.
DeviceOutcome DeviceCycle::SearchOn(const core_v1::Node& node) {
  const Duration timeout = view_.search_timeout;
  if (timeout <= Duration::zero()) return search_->Allocate(node, [] { return false; });
  const Duration begin = view_.now();
  const Duration share = std::max((time_ - searched_) / 2, kMoment);
  const Duration end = begin + std::min(share, timeout);
  DeviceOutcome outcome = search_->Allocate(node, [&] { return view_.now() >= end; });
  const Duration now = view_.now();
  searched_ += now - begin;
  if (outcome.code == DeviceOutcome::Code::kGivenUp && view_.allowances != nullptr) {
    view_.allowances->Spend(Question(), now - begin, now);
  }
  return outcome;
}

Verdict DeviceCycle::Check(const core_v1::Node& node) {
  std::set<size_t> out_of_reach;
  for (size_t i = 0; i < claims_.size(); ++i) {
    const auto& allocation = claims_[i]->status.allocation;
    if (!allocation || !allocation->node_selector) continue;
    if (!Matches(*allocation->node_selector, node)) out_of_reach.insert(i);
  }
  DeviceOutcome outcome;
  if (search_) {
    outcome = SearchOn(node);
    switch (outcome.code) {
      case DeviceOutcome::Code::kFound:
        break;
      case DeviceOutcome::Code::kNone:
        return Verdict::Unresolvable("cannot allocate all claims");
      case DeviceOutcome::Code::kInvalidPools:
        return Verdict::Unresolvable("invalid resource pools were encountered");
      case DeviceOutcome::Code::kGivenUp:
        return Verdict::Unresolvable("timed out trying to allocate devices");
      case DeviceOutcome::Code::kFailed:
        return Verdict::Failed(std::move(outcome.error));
    }
  }
  if (!out_of_reach.empty()) {
    out_of_reach_.merge(out_of_reach);
    return Verdict::Unresolvable("resourceclaim not available on the node");
  }
  if (search_) found_[node.metadata.name] = std::move(outcome.results);
  return Verdict::Fits();
}

int64_t DeviceCycle::PreferenceOn(const std::string& node) const {
  if (!found_.contains(node)) return 0;
  int64_t sum = 0;
  for (const DeviceBinding& each : Plan(node)) {
    sum += PreferenceOf(*each.claim,
                        each.allocation ? *each.allocation : *each.claim->status.allocation);
  }
  return sum;
}

std::vector<DeviceBinding> DeviceCycle::Plan(const std::string& node) const {
  std::vector<DeviceBinding> plan;
  const auto found = found_.find(node);
  size_t next = 0;
  for (const DeviceClaimPtr& claim : claims_) {
    DeviceBinding& binding = plan.emplace_back(DeviceBinding{claim, std::nullopt});
    if (!claim->status.allocation) binding.allocation = found->second[next++];
  }
  return plan;
}

DeviceClaimPtr DeviceCycle::ToFree(Random& random) const {
  std::vector<DeviceClaimPtr> unused;
  for (const size_t i : out_of_reach_) {
    const DeviceClaimPtr& claim = claims_[i];
    const size_t users = claim->status.reserved_for.size();
    if (users == 0 || (users == 1 && IsReservedFor(*claim, pod_))) unused.push_back(claim);
  }
  return unused.empty() ? nullptr : unused[random.Below(unused.size())];
}

}  // namespace skiff::scheduler
