#include "proxy/proxier.h"

#include <algorithm>

namespace skiff::proxy {
namespace {

constexpr char kZoneLabel[] = "topology.kubernetes.io/zone";
constexpr char kSlicesByService[] = "proxied-service";
// With more rules than this, writing all of them anew each hour would be a burden.
constexpr size_t kLargeRules = 10'000;

std::string ZoneOf(const Ptr<core_v1::Node>& node) {
  if (!node) return "";
  const auto zone = node->metadata.labels.find(kZoneLabel);
  return zone == node->metadata.labels.end() ? "" : zone->second;
}

std::string NameOf(const meta_v1::ObjectMeta& metadata) {
  return metadata.namespace_ + "/" + metadata.name;
}

}  // namespace

Proxier::Proxier(Dependencies dependencies, std::string node_name, IptablesOptions options,
                 ProxierTimes times)
    : dependencies_(std::move(dependencies)),
      node_name_(std::move(node_name)),
      family_(options.family),
      times_(times),
      rules_(dependencies_.netfilter, options, dependencies_.clock) {
  WatchInformers();
}

Proxier::~Proxier() {
  // The watch calls into this object.
  dependencies_.netfilter.StopWatching();
}

void Proxier::WatchInformers() {
  dependencies_.slices.AddIndex(kSlicesByService, [](const discovery_v1::EndpointSlice& slice) {
    const std::string service = ServiceOf(slice);
    return service.empty() ? std::vector<std::string>{} : std::vector<std::string>{service};
  });
  dependencies_.services.OnChange([this](const auto& before, const auto& now) {
    const std::string service = NameOf((now ? now : before)->metadata);
    if (dependencies_.metrics != nullptr) dependencies_.metrics->ServiceChanged(service);
    NoteChange(service);
  });
  dependencies_.slices.OnChange([this](const auto& before, const auto& now) {
    const std::string service = ServiceOf(now ? *now : *before);
    if (dependencies_.metrics != nullptr && !service.empty()) {
      dependencies_.metrics->SliceChanged(service, before, now);
    }
    if (before) NoteChange(ServiceOf(*before));
    if (now) NoteChange(service);
  });
  dependencies_.nodes.OnChange([this](const auto& before, const auto& now) {
    if ((now ? now : before)->metadata.name != node_name_ || ZoneOf(before) == ZoneOf(now)) return;
    {
      const MutexLock lock(mutex_);
      node_changed_ = true;
    }
    Wake();
  });
  for (InformerCache* cache : {&dependencies_.services.cache(), &dependencies_.slices.cache(),
                               &dependencies_.nodes.cache()}) {
    cache->OnSynced([this] { Wake(); });
  }
}

void Proxier::NoteChange(const std::string& service) {
  if (service.empty()) return;
  {
    const MutexLock lock(mutex_);
    changed_.insert(service);
  }
  Wake();
}

bool Proxier::InformersSynced() const {
  return dependencies_.services.synced() && dependencies_.slices.synced() &&
         dependencies_.nodes.synced();
}

Duration Proxier::Step() {
  if (!InformersSynced()) return kNever;
  const Duration now = dependencies_.clock.Monotonic();
  if (synced_) CheckRules(now);
  {
    const MutexLock lock(mutex_);
    must_write_all_ |= node_changed_;
    if (changed_.empty() && !must_write_all_) {
      return NextDue(now);
    }
  }
  if (waiting_since_ == kNever.count()) waiting_since_ = now.count();
  if (now < not_before_) return not_before_ - now;
  std::set<std::string> changed;
  {
    const MutexLock lock(mutex_);
    changed.swap(changed_);
    node_changed_ = false;
  }
  if (const auto written = Write(std::move(changed)); !written) {
    log_.Error("service rules not written", {{"error", written.error().message}});
    must_write_all_ = true;
    not_before_ = now + times_.sync_period;
    const bool late = now - waiting_since() > 2 * times_.sync_period;
    if (late && dependencies_.health != nullptr) {
      dependencies_.health->SetProxyHealthy(family_, false);
    }
    return times_.sync_period;
  }
  if (dependencies_.health != nullptr) {
    dependencies_.health->SetProxyHealthy(family_, true);
  }
  const Duration after = dependencies_.clock.Monotonic();
  not_before_ = after + times_.min_sync_period;
  last_updated_ = dependencies_.clock.Now().time_since_epoch().count();
  waiting_since_ = kNever.count();
  if (!synced_.exchange(true)) {
    watches_deletions_ = dependencies_.netfilter.OnDeletions([this] {
      look_ = true;
      Wake();
    });
  }
  next_check_ = watches_deletions_ ? kNever : after + times_.sync_period;
  return NextDue(after);
}

Duration Proxier::NextDue(Duration now) const {
  Duration next = std::min({next_check_, next_full_, rules_.RetryAt()});
  if (look_) next = std::min(next, look_not_before_);
  return std::max(next - now, Duration(0));
}

void Proxier::CheckRules(Duration now) {
  const bool told = now >= look_not_before_ && look_.exchange(false);
  if (told || now >= next_check_) {
    if (told) look_not_before_ = now + kLookPeriod;
    // Once told of deletions, the jumps are looked at as well; a look now and then must be cheap.
    if (!rules_.Intact(told)) {
      log_.Info("somebody flushed the rules; writing them again");
      must_write_all_ = true;
    }
    if (!watches_deletions_) next_check_ = now + times_.sync_period;
  }
  if (now >= rules_.RetryAt()) must_write_all_ = true;
  if (now >= next_full_) {
    next_full_ = now + kFullSyncPeriod;
    must_write_all_ |= rules_.rules().all() < kLargeRules;
  }
}

NodeFacts Proxier::Node() const {
  return {node_name_, ZoneOf(dependencies_.nodes.Get({"", node_name_})), family_};
}

std::set<std::string> Proxier::Rebuild(const std::string& service, const NodeFacts& node) {
  std::set<std::string> touched;
  if (const auto had = keys_.find(service); had != keys_.end()) {
    touched = std::move(had->second);
    for (const std::string& key : touched) services_.erase(key);
    keys_.erase(had);
  }
  const size_t slash = service.find('/');
  const auto found =
      dependencies_.services.Get({service.substr(0, slash), service.substr(slash + 1)});
  if (!found) {
    room_.Take(service, {});
    cut_.erase(service);
    unreadable_.erase(service);
    return touched;
  }
  Unreadable unreadable;
  ServiceMap ports =
      BuildServicePorts(*found, dependencies_.slices.ByIndex(kSlicesByService, service), node,
                        &unreadable, room_.Left(service));
  room_.Take(service, ports);
  TellIfCut(service, ports);
  TellIfUnreadable(service, unreadable);
  for (const auto& [key, port] : ports) {
    touched.insert(key);
    keys_[service].insert(key);
  }
  services_.merge(ports);
  return touched;
}

void Proxier::TellIfCut(const std::string& service, const ServiceMap& ports) {
  const bool is_cut =
      std::ranges::any_of(ports, [](const auto& each) { return each.second.is_cut; });
  if (!is_cut) {
    cut_.erase(service);
  } else if (cut_.insert(service).second) {
    log_.Error("a service has more endpoints or addresses at its ports than are served",
               {{"service", service},
                {"ports", ports.size()},
                {"most", kEndpointsOfAServiceMax},
                {"most_of_its_namespace", kEndpointsOfANamespaceMax}});
  }
}

void Proxier::TellIfUnreadable(const std::string& service, const Unreadable& unreadable) {
  if (unreadable.empty()) {
    unreadable_.erase(service);
  } else if (unreadable_.insert(service).second) {
    log_.Error("addresses of a service cannot be read; nothing is led there",
               {{"service", service},
                {"addresses", unreadable.size()},
                {"first", unreadable.begin()->substr(0, 100)}});
  }
}

Result<> Proxier::Write(std::set<std::string> changed) {
  FamilyMetrics* const metrics = dependencies_.metrics;
  const bool all = must_write_all_;
  const Duration begun = dependencies_.clock.Monotonic();
  if (metrics != nullptr) metrics->Begun();
  const auto report = Sync(std::move(changed));
  const Duration took = dependencies_.clock.Monotonic() - begun;
  if (metrics != nullptr && report) {
    metrics->Written(*report, took, rules_.rules(), CountNoLocalEndpoints(services_));
  } else if (metrics != nullptr) {
    metrics->Failed(all, took);
  }
  if (!report) return Fail(report.error());
  return {};
}

Result<SyncReport> Proxier::Sync(std::set<std::string> changed) {
  const NodeFacts node = Node();
  const bool all = must_write_all_;
  if (all) {
    services_.clear();
    keys_.clear();
    room_ = EndpointRoom();
    for (const auto& service : dependencies_.services.List()) {
      changed.insert(NameOf(service->metadata));
    }
  }
  std::set<std::string> keys;
  for (const std::string& service : changed) keys.merge(Rebuild(service, node));
  // Each is asked again, as the one before it may have taken the room.
  for (const std::string& service : room_.Grown()) {
    if (room_.HasGrown(service)) keys.merge(Rebuild(service, node));
  }
  const SyncReport report = TRY(all ? rules_.Full(services_) : rules_.Partial(services_, keys));
  must_write_all_ = false;
  if (report.full) next_full_ = dependencies_.clock.Monotonic() + kFullSyncPeriod;
  log_.Debug("service rules written", {{"full", report.full},
                                       {"chains", report.chains},
                                       {"rules", report.rules.all()},
                                       {"ms", report.took / 1ms}});
  if (dependencies_.health != nullptr) {
    dependencies_.health->Update(family_, HealthOf(services_));
  }
  return report;
}

}  // namespace skiff::proxy
