// EndpointSlices of Services with a selector: which pods serve it, on which ports.
#include <fmt/format.h>

#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/network/endpoint_hints.h"
#include "controllers/network/endpoint_slice_plan.h"
#include "controllers/network/hinted_services.h"
#include "controllers/network/service_pods.h"
#include "controllers/network/slice_figures.h"
#include "controllers/network/trigger_times.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Pod;
using core_v1::Service;
using discovery_v1::EndpointSlice;

constexpr std::string_view kZone = "topology.kubernetes.io/zone";

// How the endpoints of one family are packed once the changes are made.
PackedSlices PackedBy(const std::vector<EndpointGroup>& groups, const SliceChanges& changes,
                      size_t endpoints_max) {
  PackedSlices packed;
  for (const EndpointGroup& group : groups) {
    const auto endpoints = static_cast<int64_t>(group.endpoints.size());
    packed += {endpoints, 0, FewestSlices(endpoints, static_cast<int64_t>(endpoints_max))};
  }
  // One without endpoints is there all the same.
  packed.fewest = std::max<int64_t>(packed.fewest, 1);
  packed.slices =
      static_cast<int64_t>(changes.create.size() + changes.update.size() + changes.keep.size());
  return packed;
}

class EndpointSliceReconciler final : public Reconciler<Service> {
 public:
  EndpointSliceReconciler(Manager& manager, int endpoints_max,
                          std::shared_ptr<HintedServices> hinted, MetricRegistry* metrics)
      : client_(manager.client()),
        pods_(manager.informer<Pod>()),
        nodes_(manager.informer<Node>()),
        slices_(manager.informer<EndpointSlice>()),
        events_(manager.Recorder("endpoint-slice-controller")),
        endpoints_max_(endpoints_max),
        hinted_(std::move(hinted)),
        figures_(metrics) {}

  Result<Requeue> Reconcile(const Service& service) override {
    if (!HasEndpoints(service)) return Requeue::None();
    // The slices' own events wake the Service once the cache shows what was written.
    if (!CacheShowsWrites(service.metadata.uid)) {
      figures_.Synced("stale");
      return Requeue::None();
    }
    auto done = Sync(service);
    figures_.Synced(done ? "success" : "error");
    return done;
  }

  void Forget(const ObjectKey& key) override {
    trigger_times_.Forget(key);
    hinted_->Forget(key);
    figures_.Forget(key);
    const MutexLock lock(mutex_);
    std::erase_if(written_,
                  [&](const auto& entry) { return entry.second <= slices_.cache().revision(); });
  }

 private:
  Result<Requeue> Sync(const Service& service) {
    std::map<std::string, std::vector<Ptr<EndpointSlice>>> existing;
    for (const auto& slice : slices_.ByIndex("service", KeyOf(service).Text())) {
      if (!slice->metadata.deletion_timestamp) existing[slice->address_type].push_back(slice);
    }
    const auto pods = PodsOf(service, pods_);
    const auto cause = trigger_times_.SinceLast(service, pods);
    std::string skipped;
    PackedSlices packed;
    EndpointTurnover turnover;
    size_t written_slices = 0;
    const auto note = [&](const SliceChanges& changes, const auto& before) {
      if (!figures_.is_asked_for()) return;
      turnover += TurnoverOf(changes, before);
      written_slices += changes.create.size() + changes.update.size() + changes.remove.size();
    };
    for (const std::string& family : FamiliesOf(service)) {
      const auto groups = Groups(service, pods, family, skipped);
      auto changes = PlanSlices(service, family, existing[family], groups, endpoints_max_);
      const auto before = std::move(existing[family]);
      existing.erase(family);
      packed += PackedBy(groups, changes, endpoints_max_);
      const auto said = hinted_->Hint(service, family, nodes_, changes);
      note(changes, before);
      const auto written = Write(service, std::move(changes), cause);
      for (const auto& event : said) Tell(service, event);
      if (!written) return Report(service, written);
    }
    for (const auto& [family, slices] : existing) {
      hinted_->Forget(KeyOf(service), family);
      const SliceChanges gone{{}, {}, slices, {}};
      note(gone, slices);
      if (const auto written = Write(service, gone, cause); !written) {
        return Report(service, written);
      }
    }
    figures_.Has(KeyOf(service), packed);
    figures_.Turned(turnover);
    const auto& distribution = service.spec.traffic_distribution;
    figures_.Distributes(KeyOf(service), distribution);
    figures_.ChangedAtOnce(written_slices, WantsZoneShares(service), distribution.value_or(""));
    trigger_times_.Written(KeyOf(service));
    if (!skipped.empty()) return Report(service, Fail(Reason::kNotFound, skipped));
    return Requeue::None();
  }

  std::vector<EndpointGroup> Groups(const Service& service, const std::vector<Ptr<Pod>>& pods,
                                    const std::string& family, std::string& skipped) const {
    EndpointGroups groups(service);
    for (const auto& pod : pods) {
      if (!CanServe(*pod)) continue;
      const auto node = nodes_.Get({"", pod->spec.node_name});
      if (!node && !service.spec.publish_not_ready_addresses) {
        skipped =
            fmt::format("skipping Pod {} for Service {}/{}: Node {} Not Found", pod->metadata.name,
                        service.metadata.namespace_, service.metadata.name, pod->spec.node_name);
        continue;
      }
      std::string zone;
      if (node) {
        const auto label = node->metadata.labels.find(std::string(kZone));
        if (label != node->metadata.labels.end()) zone = label->second;
      }
      auto endpoint = EndpointOf(service, *pod, family, zone);
      if (endpoint.addresses.empty()) continue;
      groups.Add(*pod, std::move(endpoint));
    }
    return groups.Take();
  }

  Result<> Write(const Service& service, SliceChanges changes, const std::optional<Time>& cause) {
    if (!service.metadata.deletion_timestamp) {
      for (EndpointSlice& slice : changes.create) {
        SetTriggerTime(slice.metadata, cause);
        const auto created = client_.Create(slice);
        if (created) {
          figures_.Changed("create");
          Remember(service.metadata.uid, **created);
        } else if (!IsNamespaceTerminating(created.error())) {
          return Failed("create", service, created.error());
        }
      }
    }
    for (EndpointSlice& slice : changes.update) {
      SetTriggerTime(slice.metadata, cause);
      const auto updated = client_.Update(slice);
      if (!updated) return Failed("update " + slice.metadata.name, service, updated.error());
      figures_.Changed("update");
      Remember(service.metadata.uid, **updated);
    }
    for (const auto& slice : changes.remove) {
      const auto removed = client_.Delete(*slice);
      if (!removed && removed.error().reason != Reason::kNotFound) {
        return Failed("delete " + slice->metadata.name, service, removed.error());
      }
      if (removed) figures_.Changed("delete");
    }
    return {};
  }

  // `what` was to be done to a slice.
  static tl::unexpected<Error> Failed(const std::string& what, const Service& service,
                                      Error error) {
    error.message = fmt::format("failed to {} EndpointSlice for Service {}/{}: {}", what,
                                service.metadata.namespace_, service.metadata.name, error.message);
    return Fail(std::move(error));
  }

  void Tell(const Service& service, const HintedServices::Said& event) {
    if (event.warning) {
      events_.Warning(service, event.reason, event.message);
    } else {
      events_.Normal(service, event.reason, event.message);
    }
  }

  Result<Requeue> Report(const Service& service, const Result<>& written) {
    if (written.error().reason != Reason::kConflict) {
      events_.Warning(
          service, "FailedToUpdateEndpointSlices",
          fmt::format("Error updating Endpoint Slices for Service {}/{}: {}",
                      service.metadata.namespace_, service.metadata.name, written.error().message));
    }
    return Fail(written.error());
  }

  void Remember(const std::string& service_uid, const EndpointSlice& slice) {
    const MutexLock lock(mutex_);
    uint64_t& revision = written_[service_uid];
    revision = std::max(revision, WrittenRevision(slice.metadata));
  }

  bool CacheShowsWrites(const std::string& service_uid) {
    const MutexLock lock(mutex_);
    const auto found = written_.find(service_uid);
    if (found == written_.end()) return true;
    if (found->second > slices_.cache().revision()) return false;
    written_.erase(found);
    return true;
  }

  Client& client_;
  const Informer<Pod> pods_;
  const Informer<Node> nodes_;
  const Informer<EndpointSlice> slices_;
  EventRecorder& events_;
  const size_t endpoints_max_;
  const std::shared_ptr<HintedServices> hinted_;
  SliceFigures figures_;
  TriggerTimes trigger_times_;
  Mutex mutex_;
  std::map<std::string, uint64_t> written_ GUARDED_BY(mutex_);  // Newest write by service uid.
};

// "namespace/service" of a slice that this controller keeps.
std::vector<std::string> ServiceOf(const EndpointSlice& slice) {
  const auto& labels = slice.metadata.labels;
  const auto name = labels.find(std::string(kServiceName));
  const auto manager = labels.find(std::string(kSliceManagedBy));
  if (name == labels.end() || manager == labels.end() || manager->second != kSliceController) {
    return {};
  }
  return {slice.metadata.namespace_ + "/" + name->second};
}

}  // namespace

void AddEndpointSliceController(Manager& manager, int max_endpoints_per_slice,
                                MetricRegistry* metrics) {
  const auto services = manager.informer<Service>();
  const auto nodes = manager.informer<Node>();
  const auto hinted = std::make_shared<HintedServices>();
  manager.informer<EndpointSlice>().AddIndex("service", ServiceOf);
  ControllerBuilder<Service>(manager, "endpointslice")
      .Owns<EndpointSlice>()
      .Watches<Pod>([services](const Pod& pod) { return ServicesSelecting(pod, services); },
                    SameForEndpoints)
      // A pod whose node nobody knows yet is not to be taken out of its slice, either.
      .Watches<Node>([nodes, hinted](const Node&) { return hinted->Overloaded(nodes); },
                     SameForShares)
      .Workers(5)
      .Retry({.first_delay = 1s, .tries_max = 15})
      .Complete(std::make_unique<EndpointSliceReconciler>(manager, max_endpoints_per_slice, hinted,
                                                          metrics));
}

}  // namespace skiff
