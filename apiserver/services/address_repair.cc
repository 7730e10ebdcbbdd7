#include "apiserver/services/address_repair.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "api/gen/networking_v1.h"
#include "api/rules/core/ip.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/services/service_claims.h"
#include "apiserver/storage/keys.h"

namespace skiff {
namespace {

using networking_v1::IPAddress;

constexpr size_t kRepairEventsPerTurn = 256;
constexpr Duration kRepairRetry = 10s;

std::optional<IPAddress> AddressIn(const Record& record) {
  const auto object = ObjectOf(IPAddress::Info(), record);
  if (!object) return std::nullopt;
  return *object->As<IPAddress>();
}

// Whether a server made it, for a Service.
bool IsOfAllocator(const IPAddress& address) {
  const auto& labels = address.metadata.labels;
  const auto manager = labels.find("ipaddress.kubernetes.io/managed-by");
  return manager != labels.end() && manager->second == "ipallocator.k8s.io" &&
         address.spec.parent_ref && address.spec.parent_ref->resource == "services";
}

std::set<std::string> AddressesOf(const core_v1::Service& service) {
  std::set<std::string> names;
  for (const std::string& text : service.spec.cluster_ips) {
    if (ParseIp(text)) names.insert(AddressName(text));
  }
  return names;
}

// A Service that may have an address.
struct Holder {
  // Nothing can be told of it: it is not written as one, or by a key that cannot be had. That may
  // last, unlike a store that fails.
  bool is_unknown = false;
  std::optional<core_v1::Service> service = std::nullopt;  // Else nullopt: there is none.
};

Result<Holder> ServiceAt(Store& store, const std::string& space, const std::string& name) {
  const KindInfo& kind = core_v1::Service::Info();
  const auto record = store.Get(KeyOf(kind, space, name));
  if (!record && record.error().reason == Reason::kNotFound) return Holder{};
  if (!record) return Fail(record.error());
  const auto object = ObjectOf(kind, **record);
  if (!object) return Holder{.is_unknown = true};
  return Holder{.service = *object->As<core_v1::Service>()};
}

// The service that the address names, where that has it.
Result<Holder> HoldingService(Store& store, const IPAddress& address) {
  const auto& parent = *address.spec.parent_ref;
  Holder holder = TRY(ServiceAt(store, parent.namespace_, parent.name));
  const bool has_it =
      holder.service && AddressesOf(*holder.service).contains(address.metadata.name);
  if (!has_it) holder.service.reset();
  return holder;
}

}  // namespace

Duration AddressRepair::Step() {
  const bool knows = ReadOn();
  const Duration now = clock_.Monotonic();
  if (!knows || now >= due_) {
    const auto wait = CompareAll();
    if (!wait) {
      cursor_.reset();
      due_ = kNever;
      return kRepairRetry;
    }
    due_ = *wait == kNever ? kNever : now + *wait;
  }
  return due_ == kNever ? kNever : std::max(Duration::zero(), due_ - now);
}

bool AddressRepair::ReadOn() {
  std::vector<EventPtr> events;
  while (cursor_) {
    events.clear();
    if (!cursor_->Next(kRepairEventsPerTurn, events)) cursor_.reset();
    for (const EventPtr& event : events) {
      if (event->kind != Event::Kind::kDelete || RestoreDeleted(*event->record)) continue;
      cursor_.reset();  // All are compared, as soon as that can be done.
    }
    if (cursor_ && events.size() < kRepairEventsPerTurn) return true;
  }
  return false;
}

Result<Duration> AddressRepair::CompareAll() {
  const std::string prefix = StorePrefix(IPAddress::Info().storage_key);
  const KindInfo& kind = core_v1::Service::Info();
  const ListPage services = TRY(store_.List({.prefix = StorePrefix(kind.storage_key)}));
  const ListPage addresses = TRY(store_.List({.prefix = prefix, .at = services.revision}));
  const ListPage ports = TRY(store_.List({.prefix = ServiceClaims::PortsPrefix()}));
  cursor_ = TRY(store_.Watch(prefix, services.revision, [this] { Wake(); }));
  std::set<std::string, std::less<>> recorded;
  Duration wait = ports.records.empty() ? kNever : kClaimsEvery;
  for (const RecordPtr& record : ports.records) {
    wait = std::min(wait, claims_.DropAbandoned(*record));
  }
  for (const RecordPtr& record : addresses.records) {
    recorded.emplace(record->key.substr(record->key.rfind('/') + 1));
    wait = std::min(wait, DropIfLeft(*record));
  }
  for (const RecordPtr& record : services.records) {
    const auto object = ObjectOf(kind, *record);
    if (!object) {
      wait = std::min(wait, kUnknownEvery);
      continue;
    }
    const auto& service = *object->As<core_v1::Service>();
    for (const std::string& address : AddressesOf(service)) {
      if (!recorded.contains(address) && !Restore(service, address)) {
        wait = std::min(wait, kRepairRetry);
      }
    }
  }
  return wait;
}

// Where several servers serve one store, an address is recorded before its service is.
Duration AddressRepair::DropIfLeft(const Record& record) {
  const auto address = AddressIn(record);
  if (!address || !IsOfAllocator(*address)) return kNever;
  const auto holder = HoldingService(store_, *address);
  // Whatever cannot be told is in use.
  if (!holder) return kRepairRetry;
  if (holder->is_unknown) return kUnknownEvery;
  if (holder->service) return kNever;
  const Duration age = clock_.Now() - address->metadata.creation_timestamp.point();
  if (age < ServiceClaims::kAbandonedAfter) return ServiceClaims::kAbandonedAfter - age;
  log_.Info("address of a service that does not have it removed",
            {{"address", address->metadata.name}});
  (void)store_.Apply(  // It is somebody else's by now.
      {.key = record.key,
       .expect = {.kind = Precondition::Kind::kRevision, .revision = record.modified},
       .value = std::nullopt});
  return kNever;
}

bool AddressRepair::RestoreDeleted(const Record& record) {
  const auto address = AddressIn(record);
  if (!address || !IsOfAllocator(*address)) return true;
  const auto holder = HoldingService(store_, *address);
  if (!holder) return false;
  // It will be looked at again, with all others.
  if (holder->is_unknown) due_ = std::min(due_, clock_.Monotonic() + kUnknownEvery);
  return !holder->service || Restore(*holder->service, address->metadata.name);
}

bool AddressRepair::Restore(const core_v1::Service& service, const std::string& address) {
  const auto stored = EncodeForStore(IpAddressObject(service, address, random_, clock_.Now()));
  if (!stored) return true;  // Nor would it be another time.
  const std::string key = KeyOf(IPAddress::Info(), "", address);
  const auto made = store_.Apply({.key = key,
                                  .expect = {.kind = Precondition::Kind::kAbsent},
                                  .value = stored->value,
                                  .revision_at = stored->revision_at});
  if (!made) return made.error().reason == Reason::kAlreadyExists;  // Somebody was faster.
  const meta_v1::ObjectMeta& meta = service.metadata;
  log_.Info("address of a service recorded anew",
            {{"address", address}, {"namespace", meta.namespace_}, {"service", meta.name}});
  const auto now = ServiceAt(store_, meta.namespace_, meta.name);
  if (!now || now->is_unknown) return true;
  if (now->service && AddressesOf(*now->service).contains(address)) return true;
  // It has let the address go meanwhile, when there was no record to take away.
  (void)store_.Apply({.key = key,
                      .expect = {.kind = Precondition::Kind::kRevision, .revision = made->revision},
                      .value = std::nullopt});
  return true;
}

}  // namespace skiff
