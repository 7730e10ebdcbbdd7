// EndpointSlices for Endpoints of Services without a selector.
#include <fmt/format.h>

#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/network/endpoint_mirror_plan.h"
#include "controllers/network/slice_figures.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::Endpoints;
using core_v1::Service;
using discovery_v1::EndpointSlice;

constexpr char kIndex[] = "mirrored";
// When slices of Endpoints that are gone could not be removed, they are tried again after this.
constexpr Duration kRemovalRetry = 10s;

class MirrorReconciler final : public Reconciler<Endpoints> {
 public:
  MirrorReconciler(Manager& manager, int addresses_max, MetricRegistry* metrics)
      : client_(manager.client()),
        clock_(manager.clock()),
        services_(manager.informer<Service>()),
        slices_(manager.informer<EndpointSlice>()),
        events_(manager.Recorder("endpoint-slice-mirroring-controller")),
        addresses_max_(addresses_max),
        figures_(metrics, SliceFigures::Of::kEndpoints) {}
  void SetQueue(WorkQueue& queue) { queue_ = &queue; }

  Result<Requeue> Reconcile(const Endpoints& endpoints) override {
    const ObjectKey key = KeyOf(endpoints);
    // The slices' own events wake us once the cache shows what was written.
    if (!CacheShowsWrites(key)) return Requeue::None();
    const auto service = services_.Get(key);
    if (!ShouldMirror(endpoints, service.get())) {
      TRY(Remove(Existing(key)));
      figures_.Forget(key);
      return Requeue::None();
    }
    const Duration begun = clock_.Monotonic();
    const auto existing = Existing(key);
    const MirrorPlan plan = PlanMirror(endpoints, existing, addresses_max_);
    Tell(endpoints, plan);
    TRY(Write(endpoints, plan.changes));
    if (figures_.is_asked_for()) Count(key, plan, existing, clock_.Monotonic() - begun);
    return Requeue::None();
  }

  void Forget(const ObjectKey& key) override {
    const auto removed = Remove(Existing(key));
    figures_.Forget(key);
    if (!removed) {
      log_.Info("slices not removed", {{"endpoints", key}, {"error", removed.error().message}});
      queue_->AddAfter(key, kRemovalRetry);
    }
    const MutexLock lock(mutex_);
    written_.erase(key);
  }

 private:
  std::vector<Ptr<EndpointSlice>> Existing(const ObjectKey& key) const {
    std::vector<Ptr<EndpointSlice>> existing;
    for (const auto& slice : slices_.ByIndex(kIndex, key.Text())) {
      if (!slice->metadata.deletion_timestamp) existing.push_back(slice);
    }
    return existing;
  }

  void Count(const ObjectKey& key, const MirrorPlan& plan,
             const std::vector<Ptr<EndpointSlice>>& existing, Duration took) {
    PackedSlices packed;
    const auto add = [&](const EndpointSlice& slice) {
      const auto endpoints = static_cast<int64_t>(slice.endpoints.size());
      packed += {endpoints, 1, FewestSlices(endpoints, addresses_max_)};
    };
    for (const EndpointSlice& slice : plan.changes.create) add(slice);
    for (const EndpointSlice& slice : plan.changes.update) add(slice);
    for (const auto& slice : plan.changes.keep) add(*slice);
    figures_.Has(key, packed);
    figures_.Turned(TurnoverOf(plan.changes, existing));
    figures_.Mirrored(plan.skipped + plan.left_out + plan.beyond_them, took);
  }

  void Tell(const Endpoints& endpoints, const MirrorPlan& plan) {
    if (plan.invalid > 0) {
      events_.Warning(endpoints, "InvalidIPAddress",
                      fmt::format("Skipped {} invalid IP addresses when mirroring to "
                                  "EndpointSlices",
                                  plan.invalid));
    }
    if (plan.skipped > plan.invalid) {
      events_.Warning(endpoints, "TooManyAddressesToMirror",
                      fmt::format("A max of {} addresses can be mirrored to EndpointSlices per "
                                  "Endpoints subset. {} addresses were skipped",
                                  addresses_max_, plan.skipped));
    }
    if (plan.left_out > 0) {
      events_.Warning(endpoints, "TooManyAddressesToMirror",
                      fmt::format("A max of {} addresses can be mirrored to EndpointSlices where "
                                  "subsets share addresses or ports. {} addresses were skipped",
                                  kRepackedMax, plan.left_out));
    }
    if (plan.beyond_them > 0) {
      events_.Warning(endpoints, "TooManyAddressesToMirror",
                      fmt::format("A max of {} EndpointSlices can be made, as each has all labels "
                                  "and annotations. {} addresses were skipped",
                                  plan.slices_max, plan.beyond_them));
    }
  }

  Result<> Write(const Endpoints& endpoints, const SliceChanges& changes) {
    const ObjectKey key = KeyOf(endpoints);
    if (!endpoints.metadata.deletion_timestamp) {
      for (const EndpointSlice& slice : changes.create) {
        const auto created = client_.Create(slice);
        if (created) {
          figures_.Changed("create");
          Remember(key, **created);
        } else if (IsNamespaceTerminating(created.error())) {
          return {};
        } else {
          return Fail(created.error());
        }
      }
    }
    for (const EndpointSlice& slice : changes.update) {
      const auto updated = TRY(client_.Update(slice));
      figures_.Changed("update");
      Remember(key, *updated);
    }
    return Remove(changes.remove);
  }

  Result<> Remove(const std::vector<Ptr<EndpointSlice>>& slices) {
    for (const auto& slice : slices) {
      const auto removed = client_.Delete(*slice);
      if (!removed && removed.error().reason != Reason::kNotFound) return Fail(removed.error());
      if (removed) figures_.Changed("delete");
    }
    return {};
  }

  void Remember(const ObjectKey& key, const EndpointSlice& slice) {
    const MutexLock lock(mutex_);
    uint64_t& revision = written_[key];
    revision = std::max(revision, WrittenRevision(slice.metadata));
  }

  bool CacheShowsWrites(const ObjectKey& key) {
    const MutexLock lock(mutex_);
    const auto found = written_.find(key);
    if (found == written_.end()) return true;
    if (found->second > slices_.cache().revision()) return false;
    written_.erase(found);
    return true;
  }

  Client& client_;
  const Clock& clock_;
  const Informer<Service> services_;
  const Informer<EndpointSlice> slices_;
  EventRecorder& events_;
  const int addresses_max_;
  SliceFigures figures_;
  const Log log_{"endpoint mirror"};
  WorkQueue* queue_ = nullptr;  // Set before anything runs.
  Mutex mutex_;
  std::map<ObjectKey, uint64_t> written_ GUARDED_BY(mutex_);  // Newest write.
};

// The Endpoints that a slice of ours was made of.
std::vector<ObjectKey> EndpointsOf(const EndpointSlice& slice) {
  const auto& labels = slice.metadata.labels;
  const auto name = labels.find(std::string(kServiceName));
  const auto manager = labels.find(std::string(kSliceManagedBy));
  if (name == labels.end() || manager == labels.end() ||
      manager->second != kMirroringController) {
    return {};
  }
  return {{slice.metadata.namespace_, name->second}};
}

}  // namespace

void AddEndpointSliceMirroringController(Manager& manager, const ControllerOptions& options) {
  manager.informer<EndpointSlice>().AddIndex(kIndex, [](const EndpointSlice& slice) {
    std::vector<std::string> values;
    for (const ObjectKey& key : EndpointsOf(slice)) values.push_back(key.Text());
    return values;
  });
  auto reconciler = std::make_unique<MirrorReconciler>(
      manager, options.mirroring_max_endpoints_per_subset, options.metrics);
  MirrorReconciler& mirror = *reconciler;
  ControllerBuilder<Endpoints> builder(manager, "endpointslice-mirroring");
  builder.Watches<Service>([](const Service& service) {
    return std::vector<ObjectKey>{KeyOf(service)};
  });
  builder.Watches<EndpointSlice>(EndpointsOf);
  builder.Workers(options.mirroring_concurrent_service_endpoint_syncs)
      .Retry({.first_delay = 1s, .max_delay = 100s, .tries_max = 15});
  mirror.SetQueue(builder.Complete(std::move(reconciler)));
}

}  // namespace skiff
