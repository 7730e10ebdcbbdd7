// ResourceQuota: what is used of it. Admission books what is created before it is stored, and never
// takes back; this controller counts anew when something is gone, when the limits change, and after
// a while. What it counts for is in api/rules/core/quota_usage.cc, the rest of the rules in
// quota_plan.cc.
#include <algorithm>
#include <set>

#include "client/reconciler.h"
#include "controllers/machinery/light_definitions.h"
#include "controllers/machinery/quota_custom_kinds.h"
#include "controllers/machinery/quota_plan.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using core_v1::ResourceQuota;
using core_v1::Service;
using resource_v1::ResourceClaim;

// An object is stored a moment after it was booked, and shows in our caches a moment later: so long
// no booking is taken for one that came to nothing. Somebody who books all the time does not put it
// off for ever.
constexpr Duration kBookingSettles = 1s;
constexpr Duration kPutOffMax = 10s;

// Which quotas have to be counted anew, and when they were last booked. Thread-safe.
class QuotaNews {
 public:
  explicit QuotaNews(const Clock& clock) : clock_(clock) {}
  void MarkStale(const ObjectKey& quota) {
    const MutexLock lock(mutex_);
    states_[quota].stale = true;
    states_[quota].is_confirmed = false;
  }
  void Booked(const ObjectKey& quota) {
    const MutexLock lock(mutex_);
    states_[quota].booked = clock_.Monotonic();
  }
  void Forget(const ObjectKey& quota) {
    const MutexLock lock(mutex_);
    states_.erase(quota);
  }
  // How long until it has to be counted; 0 says now.
  Duration UntilDue(const ObjectKey& quota) {
    const MutexLock lock(mutex_);
    const State& state = states_[quota];
    if (state.stale) return Duration(0);
    return std::max(Duration(0), state.period - (clock_.Monotonic() - state.counted));
  }
  // How long a count that says less is used cannot be trusted; 0 ends the wait.
  Duration UntilSettled(const ObjectKey& quota) {
    const MutexLock lock(mutex_);
    State& state = states_[quota];
    const Duration now = clock_.Monotonic();
    if (!state.put_off_since) state.put_off_since = now;
    Duration settled = now;
    if (state.booked) {
      settled = std::min(*state.booked + kBookingSettles, *state.put_off_since + kPutOffMax);
    }
    if (settled > now) return settled - now;
    state.put_off_since.reset();
    return Duration(0);
  }
  // Before the count: what happens during it makes it stale again. Returns when the next one is
  // due, which is soon after one that something called for: caches are filled one by one, and may
  // not have shown yet what was there before.
  Duration Begin(const ObjectKey& quota, Duration period) {
    const MutexLock lock(mutex_);
    State& state = states_[quota];
    state.stale = false;
    state.counted = clock_.Monotonic();
    state.period = state.is_confirmed ? period : kBookingSettles;
    state.is_confirmed = true;
    return state.period;
  }

 private:
  struct State {
    bool stale = false;
    bool is_confirmed = false;  // By a second count.
    std::optional<Duration> booked;
    std::optional<Duration> put_off_since;  // A count that said less.
    Duration counted{};
    Duration period{};
  };
  const Clock& clock_;
  Mutex mutex_;
  std::map<ObjectKey, State> states_ GUARDED_BY(mutex_);
};

bool IsCounted(const KindInfo& info) {
  return info.namespaced && !info.storage_key.empty() && info.storage_version == info.api_version &&
         info.resource != "events" && info.HasVerb("list") && info.HasVerb("watch") &&
         info.HasVerb("delete");
}

class QuotaReconciler final : public Reconciler<ResourceQuota> {
 public:
  QuotaReconciler(Manager& manager, std::shared_ptr<QuotaNews> news,
                  std::shared_ptr<QuotaCustomKinds> custom_kinds, Duration sync_period)
      : client_(manager.client()),
        clock_(manager.clock()),
        pods_(manager.informer<Pod>()),
        services_(manager.informer<Service>()),
        claims_(manager.informer<PersistentVolumeClaim>()),
        resource_claims_(manager.informer<ResourceClaim>()),
        definitions_(LightDefinitions(manager.informers())),
        news_(std::move(news)),
        custom_kinds_(std::move(custom_kinds)),
        sync_period_(sync_period > Duration(0) ? sync_period : kNever) {
    for (const KindInfo* info : BuiltInKinds()) {
      if (!IsCounted(*info)) continue;
      caches_[{std::string(info->resource), std::string(info->group)}] =
          &manager.informers().Metadata(*info);
    }
  }

  Result<Requeue> Reconcile(const ResourceQuota& quota) override {
    const ObjectKey key = KeyOf(quota);
    if (const Duration due = news_->UntilDue(key); due > Duration(0)) return Requeue::After(due);
    const Duration next = news_->Begin(key, sync_period_);
    const auto done = Count(quota);
    if (!done) {
      news_->MarkStale(key);
      return Fail(done.error());
    }
    if (*done > Duration(0)) {
      news_->MarkStale(key);
      return Requeue::After(*done);
    }
    return Requeue::After(next);
  }

  void Forget(const ObjectKey& key) override { news_->Forget(key); }

 private:
  struct Measured {
    QuotaUsage usage;
    Result<> whole;  // Or why some of it is missing.
  };

  // What cannot be measured, as of a kind that nobody can list, does not keep the rest from being
  // told, where there is any. How long the write has to wait; 0: it is done.
  Result<Duration> Count(const ResourceQuota& quota) {
    const Measured measured = Measure(quota);
    if (!measured.whole && measured.usage.empty()) return Fail(measured.whole.error());
    const auto status = QuotaStatusOf(quota, measured.usage);
    if (status != quota.status) {
      const Duration wait = TRY(Tell(quota, status));
      if (wait > Duration(0)) return wait;
    }
    TRY(Result<>(measured.whole));
    return Duration(0);
  }

  // How long the write has to wait; 0: it is done.
  Result<Duration> Tell(const ResourceQuota& quota, const core_v1::ResourceQuotaStatus& status) {
    if (Lowers(quota.status, status)) {
      const Duration wait = news_->UntilSettled(KeyOf(quota));
      if (wait > Duration(0)) return wait;
    }
    ResourceQuota changed = quota;
    changed.status = status;
    // Conflict when admission has booked since: then it is counted once more.
    const auto written = client_.UpdateStatus(changed);
    if (!written && written.error().reason != Reason::kNotFound) return Fail(written.error());
    return Duration(0);
  }

  Measured Measure(const ResourceQuota& quota) {
    QuotaSum sum(quota);
    Result<> whole;
    std::set<QuotaPart> parts;
    for (const auto& [name, limit] : quota.spec.hard) {
      const auto part = PartOf(name);
      if (part == QuotaPart::kNumbers) {
        const auto number = NumberOf(quota, name);
        if (!number) whole = Fail(number.error());
        if (number && *number) sum.Set(name, **number);
      } else if (part) {
        parts.insert(*part);
        sum.Measure(*part);
      }
    }
    const std::string& space = quota.metadata.namespace_;
    if (parts.contains(QuotaPart::kPods)) {
      for (const auto& pod : pods_.ListIn(space)) {
        sum.Add({.kind = Pod::Info(), .pod = pod.get(), .now = clock_.Now()});
      }
    }
    if (parts.contains(QuotaPart::kServices)) {
      for (const auto& service : services_.ListIn(space)) {
        sum.Add({.kind = Service::Info(), .service = service.get()});
      }
    }
    if (parts.contains(QuotaPart::kClaims)) {
      for (const auto& claim : claims_.ListIn(space)) {
        sum.Add({.kind = PersistentVolumeClaim::Info(), .claim = claim.get()});
      }
    }
    if (parts.contains(QuotaPart::kDevices)) {
      for (const auto& claim : resource_claims_.ListIn(space)) {
        sum.Add({.kind = ResourceClaim::Info(), .resource_claim = claim.get()});
      }
    }
    return {sum.usage(), whole};
  }

  // nullopt: nobody has ever known such a kind. Of one that went nothing is left.
  Result<std::optional<int64_t>> NumberOf(const ResourceQuota& quota, const std::string& name) {
    const CountedResource counted = CountedBy(name);
    // Scopes are about pods: objects that have none are outside of them.
    const bool has_scopes = !quota.spec.scopes.empty() || quota.spec.scope_selector.has_value();
    const auto cache = caches_.find(counted);
    if (cache != caches_.end()) {
      if (has_scopes) return std::optional<int64_t>(0);
      // Tried again soon, and in silence.
      if (!cache->second->synced()) return Fail(Reason::kConflict, "the cache is not filled yet");
      return std::optional<int64_t>(cache->second->ListIn(quota.metadata.namespace_).size());
    }
    if (!definitions_.synced()) return Fail(Reason::kConflict, "the cache is not filled yet");
    if (!IsCustom(counted)) {
      return quota.status.used.contains(name) ? std::optional<int64_t>(0) : std::nullopt;
    }
    if (has_scopes) return std::optional<int64_t>(0);
    const auto number = TRY(custom_kinds_->CountIn(quota.metadata.namespace_, counted));
    if (!number) return Fail(Reason::kConflict, "the kind is not watched yet");
    return number;
  }

  bool IsCustom(const CountedResource& counted) const {
    const auto definition = definitions_.Get({"", counted.resource + "." + counted.group});
    const auto resource = definition ? ServedKind(*definition) : std::nullopt;
    return resource && resource->namespaced;
  }

  Client& client_;
  const Clock& clock_;
  const Informer<Pod> pods_;
  const Informer<Service> services_;
  const Informer<PersistentVolumeClaim> claims_;
  const Informer<ResourceClaim> resource_claims_;
  const Informer<apiextensions_v1::CustomResourceDefinition> definitions_;
  const std::shared_ptr<QuotaNews> news_;
  const std::shared_ptr<QuotaCustomKinds> custom_kinds_;
  const Duration sync_period_;  // Pods that are late to go stop counting without an event.
  std::map<CountedResource, InformerCache*> caches_;
};

// Wakes the quotas of a namespace that count something which is less by now.
class Replenishment {
 public:
  Replenishment(Informer<ResourceQuota> quotas, WorkQueue& queue, std::shared_ptr<QuotaNews> news)
      : quotas_(quotas), queue_(queue), news_(std::move(news)) {}

  void Changed(const std::string& space, const QuotaUsage& before) const {
    if (before.empty()) return;
    for (const auto& quota : quotas_.ListIn(space)) {
      const bool counts = std::any_of(before.begin(), before.end(), [&](const auto& entry) {
        return quota->spec.hard.contains(entry.first);
      });
      if (counts) Recount(*quota);
    }
  }
  // What is used of that was not known before.
  void Known(const std::string& name) const {
    for (const auto& quota : quotas_.List()) {
      if (quota->spec.hard.contains(name)) Recount(*quota);
    }
  }

 private:
  void Recount(const ResourceQuota& quota) const {
    news_->MarkStale(KeyOf(quota));
    queue_.Add(KeyOf(quota));
  }

  const Informer<ResourceQuota> quotas_;
  WorkQueue& queue_;
  const std::shared_ptr<QuotaNews> news_;
};

// `object_of` makes a QuotaObject of a K.
template <Kind K, typename ObjectOf, typename Same>
void WatchWhole(Manager& manager, std::shared_ptr<Replenishment> replenishment, ObjectOf object_of,
                Same same) {
  manager.informer<K>().OnChange([=](const Ptr<K>& before, const Ptr<K>& now) {
    if (!before) return;  // Admission has booked what is new.
    const QuotaUsage usage = UsageOf(object_of(*before));
    const bool stays = now && now->metadata.uid == before->metadata.uid;
    if (stays && same(*before, *now) && usage == UsageOf(object_of(*now))) return;
    replenishment->Changed(before->metadata.namespace_, usage);
  });
}

void WatchAll(Manager& manager, const std::shared_ptr<Replenishment>& replenishment) {
  WatchWhole<Pod>(
      manager, replenishment,
      [](const Pod& pod) { return QuotaObject{.kind = Pod::Info(), .pod = &pod}; },
      [](const Pod& a, const Pod& b) {
        return a.spec.active_deadline_seconds == b.spec.active_deadline_seconds;
      });
  WatchWhole<Service>(
      manager, replenishment,
      [](const Service& service) {
        return QuotaObject{.kind = Service::Info(), .service = &service};
      },
      [](const auto&, const auto&) { return true; });
  WatchWhole<PersistentVolumeClaim>(
      manager, replenishment,
      [](const PersistentVolumeClaim& claim) {
        return QuotaObject{.kind = PersistentVolumeClaim::Info(), .claim = &claim};
      },
      [](const PersistentVolumeClaim& a, const PersistentVolumeClaim& b) {
        return AttributesClassesOf(a) == AttributesClassesOf(b);
      });
  WatchWhole<ResourceClaim>(
      manager, replenishment,
      [](const ResourceClaim& claim) {
        return QuotaObject{.kind = ResourceClaim::Info(), .resource_claim = &claim};
      },
      [](const auto&, const auto&) { return true; });
  for (const KindInfo* info : BuiltInKinds()) {
    const bool is_whole = info == &Pod::Info() || info == &Service::Info() ||
                          info == &PersistentVolumeClaim::Info() || info == &ResourceClaim::Info();
    if (!IsCounted(*info) || is_whole) continue;
    manager.informers().Metadata(*info).OnChange(
        [=](const CachedObject& before, const CachedObject& now) {
          if (!before || (now && now.metadata->uid == before.metadata->uid)) return;
          replenishment->Changed(before.metadata->namespace_, UsageOf(QuotaObject{.kind = *info}));
        });
  }
}

}  // namespace

void AddResourceQuotaController(Manager& manager, CustomKindWatches& custom_kinds,
                                Duration sync_period) {
  const auto news = std::make_shared<QuotaNews>(manager.clock());
  const auto counted = std::make_shared<QuotaCustomKinds>();
  WorkQueue& queue =
      ControllerBuilder<ResourceQuota>(manager, "resourcequota-controller")
          .Workers(5)
          .Watches<Pod>([](const Pod&) { return std::vector<ObjectKey>(); })
          .Watches<Service>([](const Service&) { return std::vector<ObjectKey>(); })
          .Watches<PersistentVolumeClaim>([](const auto&) { return std::vector<ObjectKey>(); })
          .Watches<ResourceClaim>([](const auto&) { return std::vector<ObjectKey>(); })
          .Complete(std::make_unique<QuotaReconciler>(manager, news, counted, sync_period));
  const auto quotas = manager.informer<ResourceQuota>();
  quotas.OnChange([news, &queue](const Ptr<ResourceQuota>& before, const Ptr<ResourceQuota>& now) {
    if (!now) return;
    if (before && before->metadata.uid == now->metadata.uid) {
      if (Lowers(now->status, before->status)) news->Booked(KeyOf(*now));
      if (!IsOutOfDate(*now)) return;
    }
    news->MarkStale(KeyOf(*now));
    queue.Add(KeyOf(*now));
  });
  quotas.OnChange([counted, &custom_kinds](const auto& before, const auto& now) {
    if (counted->Follow(KeyOf(now ? *now : *before), now.get())) custom_kinds.Wake();
  });
  const auto replenishment = std::make_shared<Replenishment>(quotas, queue, news);
  WatchAll(manager, replenishment);
  counted->Tell({.less =
                     [replenishment](const std::string& space, const std::string& name) {
                       replenishment->Changed(space, {{name, Quantity::FromValue(1)}});
                     },
                 .known = [replenishment](const auto& name) { replenishment->Known(name); }});
  custom_kinds.Add(counted);
}

}  // namespace skiff
