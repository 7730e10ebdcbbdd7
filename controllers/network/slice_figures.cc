#include "controllers/network/slice_figures.h"

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

SliceFigures::SliceFigures(MetricRegistry* registry) {
  if (registry == nullptr) return;
  const auto name = [](const char* of) { return std::string("endpoint_slice_controller_") + of; };
  synced_ = &registry->AddCounter(
      {name("syncs"), "[ALPHA] How often a Service was looked at for its slices.", {"result"}});
  changed_ = &registry->AddCounter(
      {name("changes"), "[ALPHA] What was done to EndpointSlices.", {"operation"}});
  const auto add = [&](const char* of, const char* help, int64_t PackedSlices::*number) {
    registry->AddMeasured({name(of), help}, [all = all_, number] {
      const MutexLock lock(all->mutex);
      return std::vector<Sample>{{{}, static_cast<double>(all->sum.*number)}};
    });
  };
  add("endpoints_desired", "[ALPHA] Endpoints of all Services.", &PackedSlices::endpoints);
  add("num_endpoint_slices", "[ALPHA] EndpointSlices that they are in.", &PackedSlices::slices);
  add("desired_endpoint_slices", "[ALPHA] EndpointSlices that they would have room in.",
      &PackedSlices::fewest);
}

void SliceFigures::Synced(std::string_view result) {
  if (synced_ != nullptr) synced_->Add({result});
}

void SliceFigures::Changed(std::string_view operation) {
  if (changed_ != nullptr) changed_->Add({operation});
}

void SliceFigures::Has(const ObjectKey& service, const PackedSlices& packed) {
  if (synced_ == nullptr) return;
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
}

}  // namespace skiff
