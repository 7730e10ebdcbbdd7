#include "proxy/ingress/ingress_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/rules/network/balanced_ports.h"
#include "proxy/ingress/whole_look.h"

namespace skiff::ingress {
namespace {

constexpr char kServiceNameLabel[] = "kubernetes.io/service-name";
constexpr char kSlicesByService[] = "ingress-service";
// Of a message in an Event: paths may be long.
constexpr size_t kMessageMax = 900;

std::string NamespacedName(const meta_v1::ObjectMeta& metadata) {
  return metadata.namespace_ + "/" + metadata.name;
}

std::string ServiceOfSlice(const discovery_v1::EndpointSlice& slice) {
  const auto label = slice.metadata.labels.find(kServiceNameLabel);
  return label == slice.metadata.labels.end() ? ""
                                              : slice.metadata.namespace_ + "/" + label->second;
}

bool HasBalancer(const Shared<core_v1::Service>& service) {
  return service && service->spec.type == "LoadBalancer";
}

// The ports are told as well: no Service of type LoadBalancer gets one of them.
std::vector<networking_v1::IngressLoadBalancerIngress> StatusOf(
    const std::vector<std::string>& addresses, const HaproxySettings& settings) {
  std::vector<networking_v1::IngressLoadBalancerIngress> status;
  for (const std::string& address : addresses) {
    auto& at = status.emplace_back();
    at.ip = address;
    for (const int port : {settings.http_port, settings.https_port}) {
      if (port == 0) continue;
      auto& told = at.ports.emplace_back();
      told.port = port;
      told.protocol = "TCP";
    }
  }
  return status;
}

}  // namespace

bool IsServedAt(const networking_v1::Ingress& ingress, const std::string& address) {
  const auto& given = ingress.status.load_balancer.ingress;
  return !given.empty() && given[0].ip == address && !given[0].ports.empty();
}

IngressLoop::IngressLoop(Dependencies dependencies, HaproxySettings settings,
                         std::vector<std::string> addresses)
    : dependencies_(dependencies),
      ingresses_(dependencies.informers.For<networking_v1::Ingress>()),
      classes_(dependencies.informers.For<networking_v1::IngressClass>()),
      services_(dependencies.informers.For<core_v1::Service>()),
      slices_(dependencies.informers.For<discovery_v1::EndpointSlice>()),
      secrets_(dependencies.informers.For<core_v1::Secret>()),
      addresses_(std::move(addresses)),
      haproxy_(settings.directory),
      ports_(std::move(settings)),
      answers_([this] { Wake(); }) {
  WatchInformers();
}

void IngressLoop::WatchInformers() {
  slices_.AddIndex(kSlicesByService, [](const discovery_v1::EndpointSlice& slice) {
    const std::string service = ServiceOfSlice(slice);
    return service.empty() ? std::vector<std::string>{} : std::vector<std::string>{service};
  });
  ingresses_.OnChange([this](const auto&, const auto&) { Note(); });
  classes_.OnChange([this](const auto&, const auto&) { Note(); });
  services_.OnChange([this](const auto& before, const auto& now) {
    // Who has an address has its ports.
    if (HasBalancer(before) || HasBalancer(now)) {
      Note();
    } else {
      NoteService(NamespacedName((now ? now : before)->metadata));
    }
  });
  slices_.OnChange([this](const auto& before, const auto& now) {
    if (before) NoteService(ServiceOfSlice(*before));
    if (now) NoteService(ServiceOfSlice(*now));
  });
  secrets_.OnChange([this](const auto& before, const auto& now) {
    NoteSecret(NamespacedName((now ? now : before)->metadata));
  });
  for (InformerCache* cache : {&ingresses_.cache(), &classes_.cache(), &services_.cache(),
                               &slices_.cache(), &secrets_.cache()}) {
    cache->OnSynced([this] { Note(); });
  }
}

void IngressLoop::Note() {
  noted_ = true;
  Wake();
}

bool IngressLoop::Synced() const {
  return ingresses_.synced() && classes_.synced() && services_.synced() && slices_.synced() &&
         secrets_.synced();
}

void IngressLoop::NoteService(const std::string& name) {
  {
    const MutexLock lock(mutex_);
    if (!known_services_.contains(name)) return;
  }
  Note();
}

void IngressLoop::NoteSecret(const std::string& name) {
  {
    const MutexLock lock(mutex_);
    if (!known_secrets_.contains(name)) return;
  }
  Note();
}

IngressWorld IngressLoop::World() {
  IngressWorld world;
  world.ingresses = ingresses_.List();
  world.classes = classes_.List();
  world.service = [this](const std::string& ns, const std::string& name) {
    return services_.Get({ns, name});
  };
  world.slices = [this](const std::string& ns, const std::string& service) {
    return slices_.ByIndex(kSlicesByService, ns + "/" + service);
  };
  world.certificate = [this](const std::string& ns, const std::string& name) {
    return CertificateOf(ns, name);
  };
  return world;
}

// Parsed once for each version of its Secret.
Result<Shared<TlsCertificate>> IngressLoop::CertificateOf(const std::string& ns,
                                                          const std::string& name) {
  const auto secret = secrets_.Get({ns, name});
  if (!secret) return Fail(Reason::kNotFound, "not found");
  const std::string version = secret->metadata.uid + " " + secret->metadata.resource_version;
  auto found = certificates_.find(ns + "/" + name);
  if (found == certificates_.end() || found->second.version != version) {
    auto checked = TlsCertificateOf(*secret).map([](TlsCertificate certificate) {
      return std::make_shared<const TlsCertificate>(std::move(certificate));
    });
    found = certificates_
                .insert_or_assign(ns + "/" + name, CheckedCertificate{version, std::move(checked)})
                .first;
  }
  return found->second.certificate;
}

std::string IngressLoop::HolderOf(int port) const {
  for (const auto& service : services_.List()) {
    if (!HasBalancer(service)) continue;
    const auto& given = service->status.load_balancer.ingress;
    const bool has_ours = std::any_of(given.begin(), given.end(), [&](const auto& each) {
      return std::find(addresses_.begin(), addresses_.end(), each.ip) != addresses_.end();
    });
    if (!has_ours) continue;
    const BalancedPorts balanced(*service);
    for (const auto& each : service->spec.ports) {
      const bool is_tcp = each.protocol.empty() || each.protocol == "TCP";
      if (is_tcp && each.port == port && balanced.Has(each)) {
        return "service " + NamespacedName(service->metadata);
      }
    }
  }
  return "";
}

bool IngressLoop::Remember(const IngressPlan& plan) {
  std::erase_if(certificates_,
                [&](const auto& each) { return !plan.secrets.contains(each.first); });
  const MutexLock lock(mutex_);
  const bool grown = !std::includes(known_services_.begin(), known_services_.end(),
                                    plan.services.begin(), plan.services.end()) ||
                     !std::includes(known_secrets_.begin(), known_secrets_.end(),
                                    plan.secrets.begin(), plan.secrets.end());
  known_services_ = plan.services;
  known_secrets_ = plan.secrets;
  return grown;
}

Duration IngressLoop::Step() {
  answers_.Deliver();
  if (!Synced()) return kNever;
  const Duration now = dependencies_.clock.Monotonic();
  if (now < not_before_) return not_before_ - now;
  not_before_ = now + kPeriodMin;
  noted_ = false;
  const IngressPlan plan =
      PlanAllSeen([this] { return PlanIngresses(World()); },
                  [this](const IngressPlan& made) { return Remember(made); }, [this] { Note(); });
  if (plan.ingresses.empty()) {
    const Duration next = Tell(plan, now);
    Idle();
    return next;
  }
  Duration next = Try(plan, now);
  if (haproxy_.Process()) {
    haproxy_.BoundLog();
    next = std::min(next, kLogPeriod);
  }
  if (ports_.problems().empty()) {
    port_delay_ = kRetryFirst;
  } else {
    next = std::min(next, std::exchange(port_delay_, std::min(port_delay_ * 2, kRetryMax)));
  }
  return std::min(next, Tell(plan, now));
}

// Until when that waits which could not be done.
Duration IngressLoop::Try(const IngressPlan& plan, Duration now) {
  if (now < retry_at_) {
    // What can be done is: a configuration that is refused keeps nobody from its endpoints.
    if (haproxy_.Process()) (void)haproxy_.SyncServers(plan.backends);
    return retry_at_ - now;
  }
  const auto done = Drive(plan, now);
  if (done) {
    trouble_.clear();
    retry_delay_ = kRetryFirst;
    return *done;
  }
  // By the check of a configuration alone: other errors may name a file that the disk has no room
  // for, or that somebody asked a site for.
  if (done.error().reason == Reason::kInvalid && RefuseCertificates(plan, done.error().message)) {
    return Duration(0);
  }
  if (trouble_ != done.error().message) {
    trouble_ = done.error().message;
    log_.Error("ingresses are not served as they should be", {{"error", trouble_}});
  }
  synced_.reset();
  const Duration delay = std::exchange(retry_delay_, std::min(retry_delay_ * 2, kRetryMax));
  retry_at_ = now + delay;
  return delay;
}

bool IngressLoop::RefuseCertificates(const IngressPlan& plan, const std::string& said) {
  bool any = false;
  for (const std::string& secret : SecretsNamedIn(said, plan)) {
    const auto found = certificates_.find(secret);
    if (found == certificates_.end() || !found->second.certificate) continue;
    log_.Error("haproxy does not take a certificate; it is left out",
               {{"secret", secret}, {"error", said}});
    found->second.certificate = Fail(Reason::kInvalid, "haproxy does not take it");
    any = true;
  }
  return any;
}

void IngressLoop::Idle() {
  watch_.reset();
  oldest_watch_.reset();
  loops_.reset();
  signature_.clear();
  synced_.reset();
  trouble_.clear();
  retry_at_ = {};
  if (!haproxy_.Process()) return;
  if (haproxy_.Stop()) {
    log_.Info("haproxy has ended: no Ingress is left");
  } else {
    log_.Error("haproxy does not end");
  }
}

Result<> IngressLoop::Watch(const ProcessId& process) {
  if (watch_ && watched_ == process) return {};
  watch_.reset();
  if (!loops_) loops_ = std::make_unique<http::Loops>(1);
  watch_ = TRY(http::ProcessWatch::Open(*loops_, process, [this] { Wake(); }));
  watched_ = process;
  return {};
}

Result<Duration> IngressLoop::ReloadNotBefore(Duration now) {
  oldest_watch_.reset();
  const auto oldest = TRY(haproxy_.Oldest());
  const Duration not_before = reload_pace_.NotBefore(oldest ? oldest->seen : 0);
  if (now >= not_before || !oldest) return not_before;
  if (const auto worker = IdentifyProcess(oldest->pid)) {
    auto watch = http::ProcessWatch::Open(*loops_, *worker, [this] { Wake(); });
    if (watch) oldest_watch_ = *std::move(watch);
  }
  // One that has ended is told of until its master has seen that, and wakes nobody any more.
  return oldest_watch_ ? not_before : std::min(not_before, now + kPeriodMin);
}

// Brings HAProxy to what the plan says. Returns when to come back for what has to wait.
Result<Duration> IngressLoop::Drive(const IngressPlan& plan, Duration now) {
  const auto process = haproxy_.Process();
  if (!process) {
    signature_.clear();
    synced_.reset();
    // Its workers end behind it, and have its ports until then.
    if (std::exchange(watch_, nullptr)) {
      start_not_before_ = std::max(start_not_before_, now + kWorkersEnd);
    }
    if (now < start_not_before_) return start_not_before_ - now;
    start_not_before_ = now + kStartPeriodMin;
    TRY(StartHaproxy(plan));
    return kNever;
  }
  TRY(Watch(*process));
  const auto holder = [this](int port) { return HolderOf(port); };
  if (!knows_ports_ || !ports_.problems().empty() || ports_.LostOne(holder)) {
    ports_.Choose(haproxy_.ConfigText(), holder);
    knows_ports_ = true;
  }
  TRY(CheckPorts());
  const HaproxyConfig config = RenderHaproxy(plan, ports_.settings());
  if (signature_.empty()) signature_ = TRY(haproxy_.Signature());
  const bool same = config.signature == signature_;
  if (same && synced_ == plan.backends) return kNever;
  // Also before a reload, as far as it knows these backends: what goes does not wait until the new
  // worker serves.
  const auto synced = haproxy_.SyncServers(plan.backends);
  if (same && synced) {
    synced_ = plan.backends;
    ++syncs_;
    return kNever;
  }
  const Duration not_before = TRY(ReloadNotBefore(now));
  if (now < not_before) return not_before - now;
  if (same) {
    log_.Info("haproxy is reloaded: its servers could not be changed",
              {{"error", synced.error().message}});
  }
  TRY(Reload(config, plan, now));
  return kNever;
}

Result<> IngressLoop::CheckPorts() const {
  if (ports_.serves()) return {};
  std::string all;
  for (const auto& [port, problem] : ports_.problems()) {
    all += (all.empty() ? "" : "; ") + problem;
  }
  return Fail(Reason::kConflict, all);
}

Result<> IngressLoop::StartHaproxy(const IngressPlan& plan) {
  ports_.Choose([this](int port) { return HolderOf(port); });
  knows_ports_ = true;
  for (const auto& [port, problem] : ports_.problems()) {
    log_.Info("a port of the ingress is not served", {{"problem", problem}});
  }
  TRY(CheckPorts());
  const HaproxyConfig config = RenderHaproxy(plan, ports_.settings());
  TRY(haproxy_.Start(config));
  signature_ = config.signature;
  synced_ = plan.backends;
  if (const auto process = haproxy_.Process()) {
    log_.Info("haproxy started", {{"pid", process->pid},
                                  {"http", ports_.settings().http_port},
                                  {"https", ports_.settings().https_port}});
    TRY(Watch(*process));
  }
  return {};
}

Result<> IngressLoop::Reload(HaproxyConfig config, const IngressPlan& plan, Duration now) {
  std::map<std::string, Backend> begins_with = plan.backends;
  std::optional<std::map<std::string, Backend>> newer;
  const auto reloaded = haproxy_.Reload(
      config,
      [&] {
        auto changed = FollowEndpoints();
        if (!changed) return;
        HaproxyConfig next = RenderHaproxy(*changed, ports_.settings());
        if (next.signature != config.signature) return;  // The rest comes with the next step.
        config = std::move(next);
        begins_with = std::move(changed->backends);
      },
      [&] {
        if (auto changed = FollowEndpoints()) newer = std::move(changed->backends);
      });
  // One that failed is tried again after a time of its own.
  if (!reloaded) reload_pace_.Note(dependencies_.clock.Monotonic(), {});
  TRY(reloaded);
  // What changed while it started it is told before anything else.
  const bool knows_all = !newer || haproxy_.SyncServers(*newer);
  reload_pace_.Note(now, dependencies_.clock.Monotonic() - now);
  signature_ = config.signature;
  synced_.reset();
  if (knows_all) synced_ = newer ? std::move(newer) : std::move(begins_with);
  ++reloads_;
  log_.Debug("haproxy reloaded", {{"backends", plan.backends.size()}});
  return {};
}

std::optional<IngressPlan> IngressLoop::FollowEndpoints() {
  if (!noted_.exchange(false)) return std::nullopt;
  IngressPlan plan = PlanIngresses(World());
  (void)haproxy_.SyncServers(plan.backends);
  return plan;
}

Duration IngressLoop::Tell(const IngressPlan& plan, Duration now) {
  LeaveOthers(plan, now);
  // One that ended just now is there again soon.
  const bool serves = ports_.serves() && (trouble_.empty() || haproxy_.Process());
  for (const PlannedIngress& planned : plan.ingresses) {
    TellProblems(planned);
    TryStatus(planned.ingress, serves, now);
  }
  answers_.Deliver();  // They may be there at once.
  unwritten_.KeepOnly(told_);
  std::erase_if(written_, [&](const auto& each) { return !told_.contains(each.first); });
  return unwritten_.Next(now);
}

void IngressLoop::TryStatus(const IngressPtr& ingress, bool is_served, Duration now) {
  const ObjectKey key = KeyOf(*ingress);
  if (on_the_way_.contains(key) || !unwritten_.MayTry(key, now)) return;
  AddressList wanted = is_served ? StatusOf(addresses_, ports_.settings()) : AddressList();
  const auto known = written_.find(key);
  const bool is_written = known != written_.end() && known->second.addresses == wanted &&
                          known->second.over == ingress->metadata.resource_version;
  if (is_written || ingress->status.load_balancer.ingress == wanted) {
    return unwritten_.NoteWritten(key);
  }
  if (!answers_.HasRoom()) answers_.Deliver();
  if (!answers_.HasRoom()) return;  // An answer wakes.
  on_the_way_.insert(key);
  dependencies_.client.PatchStatusLater<networking_v1::Ingress>(
      answers_, ingress,
      [&](networking_v1::Ingress& it) { it.status.load_balancer.ingress = wanted; },
      {.if_unchanged = true},
      [this, ingress, wanted](const Result<IngressPtr>& written) {
        NoteStatus(ingress, wanted, written);
      });
}

void IngressLoop::NoteStatus(const IngressPtr& ingress, const AddressList& wanted,
                             const Result<IngressPtr>& written) {
  const ObjectKey key = KeyOf(*ingress);
  on_the_way_.erase(key);
  // Another version comes by the informer, or its end.
  const bool is_other = !written && (written.error().reason == Reason::kConflict ||
                                     written.error().reason == Reason::kNotFound);
  if (!written && !is_other) {
    if (unwritten_.NoteFailed(key, written.error().message)) {
      log_.Error("status of ingress not written",
                 {{"ingress", key.Text()}, {"error", written.error().message}});
    }
    unwritten_.Next(dependencies_.clock.Monotonic());  // It is not due at once.
    return;
  }
  unwritten_.NoteWritten(key);
  if (is_other) return;
  written_.insert_or_assign(key, WrittenStatus{ingress->metadata.resource_version, wanted});
  if (ingress->status.load_balancer.ingress.empty()) TellServed(ingress);
}

void IngressLoop::TellProblems(const PlannedIngress& planned) {
  std::set<IngressProblem> problems = planned.problems;
  if (!trouble_.empty()) problems.insert({"NotServed", trouble_});
  for (const auto& [port, problem] : ports_.problems()) {
    if (port != ports_.wanted().metrics_port) problems.insert({"PortTaken", problem});
  }
  std::set<IngressProblem>& told = told_[KeyOf(*planned.ingress)];
  std::erase_if(told, [&](const IngressProblem& each) { return !problems.contains(each); });
  for (const IngressProblem& problem : problems) {
    if (told.size() >= kProblemsToldMax) return;
    if (!told.insert(problem).second) continue;
    dependencies_.events.Warning(*planned.ingress, problem.reason,
                                 problem.message.substr(0, kMessageMax));
  }
}

void IngressLoop::TellServed(const IngressPtr& ingress) {
  std::string served = fmt::format("Served at {}", fmt::join(addresses_, ", "));
  const char* but = ", but not on port ";
  for (const auto& [port, problem] : ports_.problems()) {
    if (port == ports_.wanted().metrics_port) continue;
    served += std::exchange(but, ", ") + std::to_string(port);
  }
  dependencies_.events.Normal(*ingress, "Served", served);
}

// Those that were served here by a program of ours before this one.
void IngressLoop::LookBack() {
  for (const auto& ingress : ingresses_.List()) {
    if (IsServedAt(*ingress, addresses_[0])) told_.try_emplace(KeyOf(*ingress));
  }
}

// Those that were ours and name another class by now. They would say that they are served here
// until their new controller writes, so they are kept in mind until they are seen to say so no
// more: what is written meets another version as a rule, which whoever changed the class has just
// made.
void IngressLoop::LeaveOthers(const IngressPlan& plan, Duration now) {
  if (!std::exchange(has_looked_back_, true)) LookBack();
  std::set<ObjectKey> ours;
  for (const PlannedIngress& planned : plan.ingresses) ours.insert(KeyOf(*planned.ingress));
  for (auto each = told_.begin(); each != told_.end();) {
    if (ours.contains(each->first)) {
      ++each;
      continue;
    }
    const auto ingress = ingresses_.Get(each->first);
    if (!ingress || !IsServedAt(*ingress, addresses_[0])) {
      each = told_.erase(each);
      continue;
    }
    each->second.clear();
    TryStatus(ingress, false, now);
    ++each;
  }
}

}  // namespace skiff::ingress
