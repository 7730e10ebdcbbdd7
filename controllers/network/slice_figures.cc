#include "controllers/network/slice_figures.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace skiff {

PackedSlices& PackedSlices::operator+=(const PackedSlices& other) {
  endpoints += other.endpoints;
  slices += other.slices;
  fewest += other.fewest;
  return *this;
}

int64_t FewestSlices(int64_t endpoints, int64_t endpoints_max) {
  return (endpoints + endpoints_max - 1) / endpoints_max;
}

EndpointTurnover& EndpointTurnover::operator+=(const EndpointTurnover& other) {
  added += other.added;
  removed += other.removed;
  updated += other.updated;
  return *this;
}

EndpointTurnover TurnoverOf(const SliceChanges& changes,
                            const std::vector<Ptr<discovery_v1::EndpointSlice>>& existing) {
  using discovery_v1::Endpoint;
  using discovery_v1::EndpointSlice;
  std::map<std::string_view, const EndpointSlice*> by_name;
  for (const auto& slice : existing) by_name.emplace(slice->metadata.name, slice.get());
  std::map<std::vector<std::string>, const Endpoint*> before;
  const auto had = [&](const EndpointSlice& slice) {
    for (const Endpoint& it : slice.endpoints) before.emplace(it.addresses, &it);
  };
  for (const auto& slice : changes.remove) had(*slice);
  for (const EndpointSlice& slice : changes.update) {
    const auto was = by_name.find(slice.metadata.name);
    if (was != by_name.end()) had(*was->second);
  }
  EndpointTurnover turnover;
  const auto has = [&](const EndpointSlice& slice) {
    for (const Endpoint& it : slice.endpoints) {
      const auto was = before.find(it.addresses);
      if (was == before.end()) {
        ++turnover.added;
        continue;
      }
      turnover.updated += *was->second != it;
      before.erase(was);
    }
  };
  for (const EndpointSlice& slice : changes.create) has(slice);
  for (const EndpointSlice& slice : changes.update) has(slice);
  turnover.removed = static_cast<int64_t>(before.size());
  return turnover;
}

SliceFigures::SliceFigures(MetricRegistry* registry, Of of) {
  if (registry == nullptr) return;
  const bool of_pods = of == Of::kPods;
  const auto name = [of_pods](const char* figure) {
    return fmt::format("endpoint_slice_{}controller_{}", of_pods ? "" : "mirroring_", figure);
  };
  const auto per_round = [&](const char* figure, const char* help) {
    return &registry->AddHistogram({name(figure), help}, GrowingBounds(2, 2, 15));
  };
  changed_ = &registry->AddCounter(
      {name("changes"), "[ALPHA] What was done to EndpointSlices.", {"operation"}});
  added_ = per_round("endpoints_added_per_sync", "[ALPHA] Endpoints that came, each time.");
  removed_ = per_round("endpoints_removed_per_sync", "[ALPHA] Endpoints that went, each time.");
  const auto add = [&](const char* figure, const char* help, int64_t PackedSlices::*number) {
    registry->AddMeasured({name(figure), help}, [all = all_, number] {
      const MutexLock lock(all->mutex);
      return std::vector<Sample>{{{}, static_cast<double>(all->sum.*number)}};
    });
  };
  add("endpoints_desired", "[ALPHA] Endpoints of all Services.", &PackedSlices::endpoints);
  add("num_endpoint_slices", "[ALPHA] EndpointSlices that they are in.", &PackedSlices::slices);
  add("desired_endpoint_slices", "[ALPHA] EndpointSlices that they would have room in.",
      &PackedSlices::fewest);
  if (of_pods) {
    AddOfPods(*registry);
    return;
  }
  updated_ = per_round("endpoints_updated_per_sync", "[ALPHA] Endpoints that changed, each time.");
  skipped_ =
      per_round("addresses_skipped_per_sync", "[ALPHA] Addresses that are in no slice, each time.");
  took_ = &registry->AddHistogram(
      {name("endpoints_sync_duration"), "[ALPHA] For how long Endpoints were looked at."},
      GrowingBounds(0.001, 2, 15));
}

void SliceFigures::AddOfPods(MetricRegistry& registry) {
  synced_ = &registry.AddCounter({"endpoint_slice_controller_syncs",
                                  "[ALPHA] How often a Service was looked at for its slices.",
                                  {"result"}});
  at_once_ = &registry.AddHistogram({"endpoint_slice_controller_endpointslices_changed_per_sync",
                                     "[ALPHA] EndpointSlices that were written, each time.",
                                     {"topology", "traffic_distribution"}},
                                    {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10});
  registry.AddMeasured({"endpoint_slice_controller_services_count_by_traffic_distribution",
                        "[ALPHA] Services that say which endpoints are preferred.",
                        {"traffic_distribution"}},
                       [all = all_] {
                         std::map<std::string, double> counts;
                         const MutexLock lock(all->mutex);
                         for (const auto& [service, of] : all->distributions) ++counts[of];
                         std::vector<Sample> samples;
                         for (const auto& [of, count] : counts) samples.push_back({{of}, count});
                         return samples;
                       });
}

void SliceFigures::Turned(const EndpointTurnover& turnover) {
  if (added_ == nullptr) return;
  added_->Observe({}, static_cast<double>(turnover.added));
  removed_->Observe({}, static_cast<double>(turnover.removed));
  if (updated_ != nullptr) updated_->Observe({}, static_cast<double>(turnover.updated));
}

void SliceFigures::ChangedAtOnce(size_t slices, bool has_hints, std::string_view distribution) {
  if (at_once_ == nullptr) return;
  at_once_->Observe({has_hints ? "Auto" : "Disabled", has_hints ? "" : distribution},
                    static_cast<double>(slices));
}

void SliceFigures::Mirrored(int64_t skipped, Duration took) {
  if (took_ == nullptr) return;
  skipped_->Observe({}, static_cast<double>(skipped));
  took_->Observe({}, std::chrono::duration<double>(took).count());
}

void SliceFigures::Distributes(const ObjectKey& service,
                               const std::optional<std::string>& distribution) {
  if (synced_ == nullptr) return;
  const MutexLock lock(all_->mutex);
  if (!distribution) {
    all_->distributions.erase(service);
    return;
  }
  all_->distributions[service] = *distribution;
}

void SliceFigures::Synced(std::string_view result) {
  if (synced_ != nullptr) synced_->Add({result});
}

void SliceFigures::Changed(std::string_view operation) {
  if (changed_ != nullptr) changed_->Add({operation});
}

void SliceFigures::Has(const ObjectKey& service, const PackedSlices& packed) {
  if (changed_ == nullptr) return;
  const MutexLock lock(all_->mutex);
  PackedSlices& known = all_->of[service];
  all_->sum += packed;
  all_->sum += {-known.endpoints, -known.slices, -known.fewest};
  known = packed;
}

void SliceFigures::Forget(const ObjectKey& service) {
  Has(service, {});
  const MutexLock lock(all_->mutex);
  all_->of.erase(service);
  all_->distributions.erase(service);
}

}  // namespace skiff
