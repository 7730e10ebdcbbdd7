#include "controllers/scheduler/devices/device_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace skiff::scheduler {
namespace {

using resource_v1::AllocationResult;
using Requirements = std::vector<core_v1::NodeSelectorRequirement>;

bool AreAlike(const core_v1::NodeSelectorRequirement& a,
              const core_v1::NodeSelectorRequirement& b) {
  const auto values = [](const auto& of) {
    return std::set<std::string>(of.values.begin(), of.values.end());
  };
  return a.key == b.key && a.operator_ == b.operator_ && values(a) == values(b);
}

void AddNew(const Requirements& from, Requirements& to) {
  for (const auto& requirement : from) {
    const bool is_there =
        std::ranges::any_of(to, [&](const auto& known) { return AreAlike(known, requirement); });
    if (!is_there) to.push_back(requirement);
  }
}

core_v1::NodeSelector SelectorOf(const std::string& node) {
  core_v1::NodeSelector selector;
  auto& field = selector.node_selector_terms.emplace_back().match_fields.emplace_back();
  field.key = "metadata.name";
  field.operator_ = "In";
  field.values = {node};
  return selector;
}

// Where all of the devices can be reached; without a term: everywhere.
Result<core_v1::NodeSelector> Reach(const std::vector<ChosenDevice>& chosen) {
  core_v1::NodeSelectorTerm all;
  for (const ChosenDevice& each : chosen) {
    const auto& spec = each.slice->spec;
    // One device that is of a node ties the others to it.
    if (spec.node_name) return SelectorOf(*spec.node_name);
    if (!spec.node_selector) continue;
    const auto& terms = spec.node_selector->node_selector_terms;
    if (terms.size() > 1) {
      return Fail(
          Reason::kInvalid,
          fmt::format("unsupported ResourceSlice.NodeSelector with {} terms", terms.size()));
    }
    if (terms.empty()) continue;
    AddNew(terms[0].match_fields, all.match_fields);
    AddNew(terms[0].match_expressions, all.match_expressions);
  }
  core_v1::NodeSelector selector;
  if (!all.match_fields.empty() || !all.match_expressions.empty()) {
    selector.node_selector_terms.push_back(std::move(all));
  }
  return selector;
}

// What the classes have to tell the drivers; that of one class once, for all of its requests.
void AddClassConfig(const std::vector<const DeviceWish*>& wishes, AllocationResult& out) {
  auto& config = out.devices.config;
  struct Range {
    size_t begin, end;
  };
  std::map<std::string, Range> told;
  for (const DeviceWish* wish : wishes) {
    const std::string& name = wish->device_class->metadata.name;
    const auto [range, is_new] = told.try_emplace(name, Range{config.size(), config.size()});
    if (!is_new) {
      for (size_t i = range->second.begin; i < range->second.end; ++i) {
        config[i].requests.push_back(wish->Reference());
      }
      continue;
    }
    for (const auto& of_class : wish->device_class->spec.config) {
      auto& told_config = config.emplace_back();
      told_config.source = "FromClass";
      told_config.requests = {wish->Reference()};
      told_config.opaque = of_class.opaque;
    }
    range->second.end = config.size();
  }
}

// What the claim has to tell: once for all requests, or as often as one is named that was met.
void AddClaimConfig(const resource_v1::ResourceClaim& claim,
                    const std::vector<const DeviceWish*>& wishes, AllocationResult& out) {
  for (const auto& of_claim : claim.spec.devices.config) {
    const bool is_for_all = of_claim.requests.empty();
    const auto times = is_for_all ? 1 : std::ranges::count_if(wishes, [&](const DeviceWish* wish) {
      return wish->IsAmong(of_claim.requests);
    });
    for (auto i = times; i > 0; --i) {
      auto& told = out.devices.config.emplace_back();
      told.source = "FromClaim";
      told.requests = of_claim.requests;
      told.opaque = of_claim.opaque;
    }
  }
}

}  // namespace

Result<AllocationResult> AllocationOf(const resource_v1::ResourceClaim& claim,
                                      const std::vector<const DeviceWish*>& wishes,
                                      const std::vector<ChosenDevice>& chosen) {
  AllocationResult out;
  for (const ChosenDevice& each : chosen) {
    auto& result = out.devices.results.emplace_back();
    result.request = each.wish->Reference();
    result.driver = each.slice->spec.driver;
    result.pool = each.slice->spec.pool.name;
    result.device = each.device->name;
    if (each.wish->is_admin) result.admin_access = true;
    result.tolerations = each.wish->tolerations;
  }
  AddClassConfig(wishes, out);
  AddClaimConfig(claim, wishes, out);
  auto reach = Reach(chosen);
  if (!reach) {
    return Fail(Reason::kInvalid, fmt::format("create NodeSelector for claim {}: {}",
                                              claim.metadata.name, reach.error().message));
  }
  if (!reach->node_selector_terms.empty()) out.node_selector = *std::move(reach);
  return out;
}

}  // namespace skiff::scheduler
