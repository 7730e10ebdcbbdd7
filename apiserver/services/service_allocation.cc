#include "apiserver/services/service_allocation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/gen/networking_v1.h"
#include "api/violations.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/services/service_families.h"
#include "apiserver/storage/keys.h"

namespace skiff {
namespace {

// So many numbers that only the store knows to be taken may come in the way of one service.
constexpr size_t kRefusedMax = 64;

bool HasAddresses(const core_v1::ServiceSpec& spec) {
  return spec.type != "ExternalName" && !IsHeadless(spec);
}

bool WantsPorts(const core_v1::ServiceSpec& spec) {
  return spec.type == "NodePort" || spec.type == "LoadBalancer";
}

bool PicksPorts(const core_v1::ServiceSpec& spec) {
  return spec.type == "NodePort" ||
         (spec.type == "LoadBalancer" && spec.allocate_load_balancer_node_ports.value_or(true));
}

bool WantsHealthPort(const core_v1::ServiceSpec& spec) {
  return spec.type == "LoadBalancer" && spec.external_traffic_policy == "Local";
}

bool Has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// The ports of nodes that are its own. A service of another type may name some, which nobody looks
// at: they may be anybody's.
std::set<int> PortsOf(const core_v1::ServiceSpec& spec) {
  std::set<int> ports;
  if (!WantsPorts(spec)) return ports;
  for (const auto& port : spec.ports) {
    if (port.node_port != 0) ports.insert(port.node_port);
  }
  if (spec.health_check_node_port != 0) ports.insert(spec.health_check_node_port);
  return ports;
}

// Which of its addresses a service is still to get. One that has some gets no more than that of a
// second family: what else changes is refused behind this.
std::pair<size_t, size_t> MissingAddresses(const core_v1::ServiceSpec& spec,
                                           const core_v1::Service* old) {
  if (old == nullptr || old->spec.type == "ExternalName" || old->spec.cluster_ips.empty()) {
    return {0, std::max(spec.ip_families.size(), spec.cluster_ips.size())};
  }
  const bool gets_second = !IsHeadless(old->spec) && old->spec.ip_families.size() == 1 &&
                           spec.ip_families.size() == 2 && !spec.cluster_ips.empty();
  return {1, gets_second ? 2 : 1};
}

Error InvalidAddress(const core_v1::Service& service, const std::string& why) {
  Violations wrong;
  wrong.Invalid(FieldPath("spec").Child("clusterIPs"), Json(service.spec.cluster_ips), why);
  return wrong.ToError("", "Service", service.metadata.name);
}

}  // namespace

// What one write took, and what it frees when it succeeds.
class ServiceAllocation::Held final : public Reservation {
 public:
  Held(ServiceAllocation& owner, bool dry_run) : owner_(owner), dry_run_(dry_run) {}
  ~Held() override {
    if (kept_) return;
    for (const auto& [number, claim] : claims_) owner_.claims_->GiveBack(number, claim, service);
    for (const std::string& address : addresses) owner_.FreeAddress(address);
    for (const int port : ports) owner_.FreePort(port);
  }

  // Where numbers are shared: nullopt when all are ours now, else the one that another service has.
  Result<std::optional<ServiceNumber>> Claim() {
    if (!owner_.claims_ || dry_run_) return std::nullopt;
    const auto take = [&](const ServiceNumber& number) -> Result<bool> {
      const auto claim = TRY(owner_.claims_->Take(number, service));
      if (claim) claims_.emplace_back(number, *claim);
      return claim.has_value();
    };
    for (auto at = addresses.begin(); at != addresses.end(); ++at) {
      const bool taken = TRY(take(*at));
      if (taken) continue;
      ServiceNumber refused = *at;
      addresses.erase(at);  // It stays taken in memory.
      return refused;
    }
    for (auto at = ports.begin(); at != ports.end(); ++at) {
      const bool taken = TRY(take(std::to_string(*at)));
      if (taken) continue;
      ServiceNumber refused = std::to_string(*at);
      ports.erase(at);
      return refused;
    }
    return std::nullopt;
  }

  void Keep() override {
    kept_ = true;
    for (const auto& [number, claim] : claims_) owner_.claims_->Confirm(number, service);
    if (!owner_.claims_) {
      for (const std::string& address : addresses) owner_.RecordAddress(service, address);
    }
    for (const std::string& address : freed_addresses) {
      owner_.ForgetAddress(service, address);
      owner_.FreeAddress(address);
    }
    for (const int port : freed_ports) {
      if (owner_.claims_) owner_.claims_->Drop(std::to_string(port), service);
      owner_.FreePort(port);
    }
  }
  bool dry_run() const { return dry_run_; }
  // Taken by this very write.
  bool HasPort(int port) const {
    return dry_ports.contains(port) || std::find(ports.begin(), ports.end(), port) != ports.end();
  }
  bool IsRefused(const ServiceNumber& number) const { return refused.contains(number); }

  std::vector<std::string> addresses;
  std::vector<int> ports;
  std::vector<std::string> freed_addresses;
  std::vector<int> freed_ports;
  std::set<int64_t> dry_ports;      // What a dry run would have taken.
  std::set<int> named_ports;        // By the service as it was, when it had none by naming them.
  core_v1::Service service;         // Whose they are.
  std::set<ServiceNumber> refused;  // Tried before.
  // What is to be counted of it: of addresses their ranges, too.
  std::vector<std::pair<std::string, AllocationCounts::Scope>> addresses_to_count;
  std::vector<AllocationCounts::Scope> ports_to_count;

 private:
  ServiceAllocation& owner_;
  const bool dry_run_;
  bool kept_ = false;
  std::vector<std::pair<ServiceNumber, Revision>> claims_;
};

Result<std::unique_ptr<ServiceAllocation>> ServiceAllocation::Create(Options options, Store& store,
                                                                     const Clock& clock,
                                                                     Random& random) {
  const auto port_count = static_cast<uint64_t>(options.node_port_max - options.node_port_min + 1);
  const uint64_t band = std::min<uint64_t>(std::max<uint64_t>(16, port_count / 32), 128);
  NumberPool ports(static_cast<uint64_t>(options.node_port_min),
                   static_cast<uint64_t>(options.node_port_max), port_count <= 16 ? 0 : band);
  std::unique_ptr<ServiceAllocation> made(
      new ServiceAllocation(store, clock, random, std::move(ports)));
  made->port_min_ = options.node_port_min;
  made->port_max_ = options.node_port_max;
  const MutexLock lock(made->mutex_);
  for (const std::string& range : options.cluster_ip_ranges) TRY(made->ranges_.Add(range));
  if (made->ranges_.families().empty()) {
    return Fail(Reason::kInvalid, "no service cluster IP range");
  }
  made->families_ = made->ranges_.families();
  made->first_address_ = made->ranges_.first_address().Text();
  made->TakeWhatServicesHave();
  if (options.shared) made->claims_ = std::make_unique<ServiceClaims>(store, clock, random);
  return made;
}

void ServiceAllocation::TakeWhatServicesHave() {
  const KindInfo& kind = core_v1::Service::Info();
  const auto page = store_.List({.prefix = StorePrefix(kind.storage_key)});
  if (!page) return;
  for (const RecordPtr& record : page->records) {
    const auto object = ObjectOf(kind, *record);
    if (!object) continue;
    const core_v1::ServiceSpec& spec = object->As<core_v1::Service>()->spec;
    for (const std::string& text : spec.cluster_ips) {
      if (const auto address = ParseIp(text)) ranges_.Take(*address);
    }
    for (const int port : PortsOf(spec)) ports_.Take(static_cast<uint64_t>(port));
  }
}

void ServiceAllocation::Note(const ServiceNumber& number, bool taken) {
  if (const auto address = ParseIp(number)) {
    if (taken) {
      ranges_.Take(*address);
    } else {
      ranges_.Free(*address);
    }
    return;
  }
  const auto port = static_cast<uint64_t>(std::atoi(number.c_str()));
  if (taken) {
    ports_.Take(port);
  } else {
    ports_.Free(port);
  }
}

void ServiceAllocation::FollowClaims() {
  if (!claims_) return;
  const auto begin = [&]() REQUIRES(mutex_) {
    ranges_.FreeAll();
    ports_.FreeAll();
    TakeWhatServicesHave();
  };
  const auto note = [&](const ServiceNumber& number, bool taken) REQUIRES(mutex_) {
    Note(number, taken);
  };
  claims_->Follow(begin, note);
}

void ServiceAllocation::FreeAddress(const std::string& text) {
  const MutexLock lock(mutex_);
  if (const auto address = ParseIp(text)) ranges_.Free(*address);
  ShowNumbers();
}

void ServiceAllocation::FreePort(int port) {
  const MutexLock lock(mutex_);
  ports_.Free(static_cast<uint64_t>(port));
  ShowNumbers();
}

void ServiceAllocation::RecordAddress(const core_v1::Service& service, const std::string& text) {
  const KindInfo& kind = networking_v1::IPAddress::Info();
  const auto stored = EncodeForStore(IpAddressObject(service, text, random_, clock_.Now()));
  if (!stored) return;
  // The address is taken all the same when this record cannot be written.
  (void)store_.Apply({.key = KeyOf(kind, "", text),
                      .expect = {},
                      .value = stored->value,
                      .revision_at = stored->revision_at});
}

void ServiceAllocation::ForgetAddress(const core_v1::Service& service, const std::string& text) {
  const std::string name = AddressName(text);
  if (claims_) return claims_->Drop(name, service);
  (void)store_.Apply(  // Gone already: nothing to do.
      {.key = KeyOf(networking_v1::IPAddress::Info(), "", name),
       .expect = {.kind = Precondition::Kind::kExists},
       .value = std::nullopt});
}

bool ServiceAllocation::IsHeldByUser(const IpAddress& address) const {
  const KindInfo& kind = networking_v1::IPAddress::Info();
  const auto record = store_.Get(KeyOf(kind, "", address.Text()));
  if (!record || *record == nullptr) return false;
  const auto object = ObjectOf(kind, **record);
  if (!object) return true;
  // Of our own records the pool knows: one may be left over from a service that is gone.
  const auto& labels = object->As<networking_v1::IPAddress>()->metadata.labels;
  const auto manager = labels.find("ipaddress.kubernetes.io/managed-by");
  return manager == labels.end() || manager->second != "ipallocator.k8s.io";
}

void ServiceAllocation::CountAddress(const std::string& cidr, AllocationCounts::Scope scope,
                                     bool is_taken, Held& held) const {
  if (!counts_ || held.dry_run() || cidr.empty()) return;
  if (is_taken) {
    held.addresses_to_count.emplace_back(cidr, scope);
  } else {
    counts_->Address(cidr, scope, false);
  }
}

void ServiceAllocation::CountPort(AllocationCounts::Scope scope, bool is_taken, Held& held) const {
  if (!counts_ || held.dry_run()) return;
  if (is_taken) {
    held.ports_to_count.push_back(scope);
  } else {
    counts_->Port(scope, false);
  }
}

void ServiceAllocation::CountTaken(const Held& held) const {
  for (const auto& [cidr, scope] : held.addresses_to_count) counts_->Address(cidr, scope, true);
  for (const auto scope : held.ports_to_count) counts_->Port(scope, true);
}

Result<std::string> ServiceAllocation::TakeAddress(const core_v1::Service& service,
                                                   const std::string& family, Held& held) {
  const auto full = [] {
    return Fail(InternalErrorOf("failed to allocate a serviceIP: range is full"));
  };
  if (held.dry_run()) {
    const auto network = ranges_.NetworkOf(family);
    if (!network) return full();
    return network->Text();
  }
  std::string text, cidr;
  for (size_t tries = 0; tries < kRefusedMax; ++tries) {
    const auto address = ranges_.TakeAny(family, random_);
    if (!address) break;
    cidr = ranges_.CidrOf(*address);
    text = address->Text();
    held.addresses.push_back(text);  // Given back with the others when the write fails.
    if (claims_ || !IsHeldByUser(*address)) break;
    held.addresses.pop_back();  // A user's IPAddress has it: it stays taken in memory.
    text.clear();
  }
  CountAddress(text.empty() ? ranges_.CidrOf(std::string_view(family)) : cidr,
               AllocationCounts::Scope::kDynamic, !text.empty(), held);
  if (text.empty()) return full();
  if (service.metadata.name.empty()) {
    core_v1::Service shown = service;  // With a place for each address that it is to have.
    shown.spec.cluster_ips.resize(service.spec.ip_families.size());
    return Fail(InvalidAddress(shown, "failed to allocate IP: IPAddress.networking.k8s.io " +
                                          Quoted(text) +
                                          " is invalid: spec.parentRef.name: Required value"));
  }
  return text;
}

Result<> ServiceAllocation::TakeGivenAddress(const core_v1::Service& service,
                                             const std::string& text, Held& held) {
  const auto address = ParseIp(text);
  if (!address) return Fail(PlainError("failed to parse service IP " + Quoted(text)));
  const std::string cidr = ranges_.CidrOf(*address);
  const auto refuse = [&](const std::string& why) {
    CountAddress(cidr, AllocationCounts::Scope::kStatic, false, held);
    return Fail(InvalidAddress(service, "failed to allocate IP " + text + ": " + why));
  };
  if (!ranges_.Offers(*address)) {
    return refuse("the provided network does not match the current range");
  }
  // Kubernetes does not look who has it: that a service is there already is found out behind this.
  if (held.dry_run()) return {};
  // An IPAddress that a user made holds its address too.
  if (!claims_ && IsHeldByUser(*address)) return refuse("provided IP is already allocated");
  if (ranges_.Has(*address) && (!claims_ || held.IsRefused(address->Text()))) {
    return refuse("provided IP is already allocated");
  }
  ranges_.Take(*address);
  held.addresses.push_back(address->Text());
  CountAddress(cidr, AllocationCounts::Scope::kStatic, true, held);
  return {};
}

Result<> ServiceAllocation::ReserveAddresses(core_v1::Service& service, const core_v1::Service* old,
                                             Held& held) {
  core_v1::ServiceSpec& spec = service.spec;
  std::vector<std::string> before;
  if (old != nullptr && HasAddresses(old->spec)) before = old->spec.cluster_ips;
  if (HasAddresses(spec)) {
    // The same address in both fields, whichever of them was given.
    if (spec.cluster_ips.empty() && !spec.cluster_ip.empty()) spec.cluster_ips = {spec.cluster_ip};
    const auto [begin, end] = MissingAddresses(spec, old);
    for (size_t i = begin; i < end; ++i) {
      if (i < spec.cluster_ips.size()) {
        if (!Has(before, spec.cluster_ips[i])) {
          TRY(TakeGivenAddress(service, spec.cluster_ips[i], held));
        }
      } else {
        std::string address = TRY(TakeAddress(service, spec.ip_families[i], held));
        spec.cluster_ips.push_back(std::move(address));
      }
    }
    if (spec.cluster_ip.empty() && !spec.cluster_ips.empty()) spec.cluster_ip = spec.cluster_ips[0];
  } else if (IsHeadless(spec)) {
    if (spec.cluster_ips.empty()) spec.cluster_ips = {"None"};
    if (spec.cluster_ip.empty()) spec.cluster_ip = "None";
  }
  for (const std::string& address : before) {
    if (!Has(spec.cluster_ips, address)) held.freed_addresses.push_back(address);
  }
  return {};
}

std::optional<int> ServiceAllocation::TakeAnyPort(Held& held) {
  if (held.dry_run()) {
    // Kubernetes makes up one behind those that the run has so far, whatever the range.
    constexpr int64_t kBeforeFirst = 32768;
    const int64_t last =
        held.dry_ports.empty() ? kBeforeFirst : std::max<int64_t>(0, *held.dry_ports.rbegin());
    held.dry_ports.insert(last + 1);
    return static_cast<int>(last + 1);
  }
  const auto picked = ports_.TakeAny(random_);
  CountPort(AllocationCounts::Scope::kDynamic, picked.has_value(), held);
  if (!picked) return std::nullopt;
  held.ports.push_back(static_cast<int>(*picked));
  return static_cast<int>(*picked);
}

Result<int> ServiceAllocation::TakeAnyNodePort(Held& held) {
  const auto port = TakeAnyPort(held);
  if (!port) return Fail(InternalErrorOf("failed to allocate a nodePort: range is full"));
  return *port;
}

std::string ServiceAllocation::TakePort(int port, Held& held) {
  const auto number = static_cast<uint64_t>(port);
  // A dry run takes nothing, but must find what one port of the service takes from another; it may
  // have any number, and so may one that the service named before, as in Kubernetes, which does not
  // look at it again. Where numbers are shared, only the claim tells whether one that seems to be
  // taken still is.
  if (!held.dry_run() && !ports_.InRange(number) && !held.named_ports.contains(port)) {
    return fmt::format("provided port is not in the valid range. The range of valid ports is {}-{}",
                       port_min_, port_max_);
  }
  const bool by_others =
      ports_.Has(number) &&
      (!claims_ || held.dry_run() || held.IsRefused(std::to_string(number)));
  if (by_others || held.HasPort(port)) return "provided port is already allocated";
  if (held.dry_run()) {
    held.dry_ports.insert(port);
  } else {
    ports_.Take(number);
    held.ports.push_back(port);
  }
  return "";
}

Result<> ServiceAllocation::TakeGivenPort(const core_v1::Service& service, size_t index, int port,
                                          Held& held) {
  const std::string refused = TakePort(port, held);
  CountPort(AllocationCounts::Scope::kStatic, refused.empty(), held);
  if (refused.empty()) return {};
  Violations wrong;
  wrong.Invalid(FieldPath("spec").Child("ports").Index(index).Child("nodePort"), port, refused);
  return Fail(wrong.ToError("", "Service", service.metadata.name));
}

// Ports of the same number (TCP and UDP) share a node port: the first that one of them names.
Result<> ServiceAllocation::ReserveFirstPorts(core_v1::Service& service, Held& held) {
  std::vector<core_v1::ServicePort>& ports = service.spec.ports;
  std::map<int, int> asked;  // The first that is named for a number.
  for (const auto& port : ports) {
    if (port.node_port != 0) asked.emplace(port.port, port.node_port);
  }
  std::map<int, int> node_ports;
  for (size_t i = 0; i < ports.size(); ++i) {
    core_v1::ServicePort& port = ports[i];
    if (port.node_port == 0 && !PicksPorts(service.spec)) continue;
    const auto shared = node_ports.find(port.port);
    if (shared != node_ports.end()) {
      if (port.node_port == 0) {
        port.node_port = shared->second;
      } else if (port.node_port != shared->second) {
        TRY(TakeGivenPort(service, i, port.node_port, held));
      }
      continue;
    }
    if (const auto named = asked.find(port.port); named != asked.end()) {
      TRY(TakeGivenPort(service, i, named->second, held));
      port.node_port = named->second;
    } else {
      port.node_port = TRY(TakeAnyNodePort(held));
    }
    node_ports[port.port] = port.node_port;
  }
  return {};
}

// Of a service that there was before. No two ports of one protocol may have the same.
Result<> ServiceAllocation::ReserveMorePorts(core_v1::Service& service, const core_v1::Service& old,
                                             Held& held) {
  std::set<int> mine;
  for (const auto& port : old.spec.ports) {
    (WantsPorts(old.spec) ? mine : held.named_ports).insert(port.node_port);
  }
  std::set<std::pair<std::string, int>> seen;
  for (size_t i = 0; i < service.spec.ports.size(); ++i) {
    core_v1::ServicePort& port = service.spec.ports[i];
    if (port.node_port == 0 && !PicksPorts(service.spec)) continue;
    if (port.node_port == 0) {
      port.node_port = TRY(TakeAnyNodePort(held));
    } else if (mine.insert(port.node_port).second) {
      TRY(TakeGivenPort(service, i, port.node_port, held));
    }
    if (!seen.emplace(port.protocol, port.node_port).second) {
      return Fail(
          PlainError(fmt::format("duplicate nodePort: {{{} {}}}", port.protocol, port.node_port)));
    }
  }
  return {};
}

Result<> ServiceAllocation::ReservePorts(core_v1::Service& service, const core_v1::Service* old,
                                         Held& held) {
  if (!WantsPorts(service.spec)) return {};
  return old == nullptr ? ReserveFirstPorts(service, held) : ReserveMorePorts(service, *old, held);
}

Result<> ServiceAllocation::ReserveHealthPort(core_v1::Service& service,
                                              const core_v1::Service* old, Held& held) {
  int32_t& port = service.spec.health_check_node_port;
  if (!WantsHealthPort(service.spec) || (old != nullptr && WantsHealthPort(old->spec))) return {};
  if (port == 0) {
    const auto picked = TakeAnyPort(held);
    if (!picked) {
      return Fail(InternalErrorOf("failed to allocate a HealthCheck NodePort 0: range is full"));
    }
    port = *picked;
    return {};
  }
  const std::string refused = TakePort(port, held);
  CountPort(AllocationCounts::Scope::kStatic, refused.empty(), held);
  if (refused.empty()) return {};
  return Fail(InternalErrorOf(
      fmt::format("failed to allocate requested HealthCheck NodePort {}: {}", port, refused)));
}

Result<std::unique_ptr<ServiceAllocation::Held>> ServiceAllocation::TryReserve(
    core_v1::Service& service, const core_v1::Service* old, bool dry_run,
    const std::set<ServiceNumber>& refused) {
  auto held = std::make_unique<Held>(*this, dry_run);
  held->service.metadata = service.metadata;
  held->refused = refused;
  TRY(ReserveNumbers(service, old, *held));
  return held;
}

Result<> ServiceAllocation::ReserveNumbers(core_v1::Service& service, const core_v1::Service* old,
                                           Held& held) {
  const auto reserve = [&]() REQUIRES(mutex_) -> Result<> {
    TRY(ReserveAddresses(service, old, held));
    TRY(ReservePorts(service, old, held));
    return ReserveHealthPort(service, old, held);
  };
  const MutexLock lock(mutex_);
  ranges_.Follow();
  FollowClaims();
  Result<> reserved = reserve();
  ShowNumbers();
  return reserved;
}

bool ServiceAllocation::Owns(const KindInfo& kind) const {
  return &kind == &core_v1::Service::Info();
}

Result<std::unique_ptr<Reservation>> ServiceAllocation::Reserve(Object& object, const Object* old,
                                                                bool dry_run) {
  auto* service = object.As<core_v1::Service>();
  if (service == nullptr) return nullptr;
  const auto* before = old ? old->As<core_v1::Service>() : nullptr;
  TRY(SettleFamilies(*service, before, families_));
  std::set<ServiceNumber> refused;
  while (refused.size() < kRefusedMax) {
    core_v1::Service attempt = *service;
    auto held = TRY(TryReserve(attempt, before, dry_run, refused));
    if (const auto other = TRY(held->Claim())) {
      refused.insert(*other);
      continue;
    }
    CountTaken(*held);
    *service = std::move(attempt);
    if (before != nullptr) {
      const std::set<int> now = PortsOf(service->spec);
      for (const int port : PortsOf(before->spec)) {
        if (!now.contains(port)) held->freed_ports.push_back(port);
      }
    }
    return held;
  }
  return Fail(InternalErrorOf("failed to allocate a serviceIP or nodePort: others were faster"));
}

void ServiceAllocation::Release(const Object& object) {
  const auto* service = object.As<core_v1::Service>();
  if (service == nullptr) return;
  Held freed(*this, false);
  freed.service.metadata = service->metadata;
  if (HasAddresses(service->spec)) freed.freed_addresses = service->spec.cluster_ips;
  for (const int port : PortsOf(service->spec)) freed.freed_ports.push_back(port);
  freed.Keep();
  (void)store_.Apply({.key = KeyOf(core_v1::Endpoints::Info(), service->metadata.namespace_,
                                   service->metadata.name),
                      .expect = {.kind = Precondition::Kind::kExists},
                      .value = std::nullopt});  // There may be none.
}

}  // namespace skiff
