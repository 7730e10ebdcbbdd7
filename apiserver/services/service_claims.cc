#include "apiserver/services/service_claims.h"

#include <algorithm>
#include <cstdlib>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/gen/networking_v1.h"
#include "api/patch/managed_fields.h"
#include "api/rules/core/ip.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

constexpr std::string_view kPorts = "ranges/servicenodeports";
constexpr int kTriesMax = 8;

bool IsPort(const ServiceNumber& number) {
  return number.find_first_not_of("0123456789") == std::string::npos;
}

std::string_view NumberIn(std::string_view key) {
  return key.substr(key.rfind('/') + 1);
}

bool NamesPort(const core_v1::ServiceSpec& spec, int port) {
  if (spec.health_check_node_port == port) return true;
  return std::ranges::any_of(spec.ports, [&](const auto& at) { return at.node_port == port; });
}

}  // namespace

ServiceClaims::ServiceClaims(Store& store, const Clock& clock, Random& random)
    : store_(store),
      clock_(clock),
      random_(random),
      addresses_(store, StorePrefix(networking_v1::IPAddress::Info().storage_key)),
      ports_(store, PortsPrefix()) {}

std::string ServiceClaims::PortsPrefix() {
  return StorePrefix(kPorts);
}

std::string AddressName(const std::string& text) {
  const auto address = ParseIp(text);
  return address ? address->Text() : text;
}

Object IpAddressObject(const core_v1::Service& service, const std::string& address, Random& random,
                       TimePoint now) {
  const KindInfo& kind = networking_v1::IPAddress::Info();
  Object object(kind);
  auto& record = *object.As<networking_v1::IPAddress>();
  const auto parsed = ParseIp(address);
  record.metadata.name = address;
  record.metadata.uid = random.Uid();
  record.metadata.creation_timestamp =
      Time(std::chrono::time_point_cast<std::chrono::seconds>(now));
  record.metadata.labels = {
      {"ipaddress.kubernetes.io/ip-family", parsed && parsed->v6 ? "IPv6" : "IPv4"},
      {"ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"}};
  auto& parent = record.spec.parent_ref.emplace();
  parent.resource = "services";
  parent.namespace_ = service.metadata.namespace_;
  parent.name = service.metadata.name;
  UpdateManagedFields(*kind.type, nullptr, &record,
                      {.manager = "kube-apiserver",
                       .api_version = kind.api_version,
                       .subresource = {},
                       .now = now,
                       .reset = {}});
  return object;
}

std::string ServiceClaims::Key(const ServiceNumber& number) const {
  if (IsPort(number)) return StoreKey(kPorts, "", number);
  return KeyOf(networking_v1::IPAddress::Info(), "", number);
}

Result<Write> ServiceClaims::WriteOf(const ServiceNumber& number, const core_v1::Service& service) {
  const Object object = IpAddressObject(service, number, random_, clock_.Now());
  StoredObject stored;
  if (IsPort(number)) {
    Json document = object.ToDocument();
    document["apiVersion"] = "skiff/v1";
    document["kind"] = "NodePortClaim";
    document["metadata"].erase("labels");
    document["metadata"].erase("managedFields");
    const ObjectBody body = BodyOf(document);
    stored = EncodeObject({.labels = {}, .fields = {}, .uid = {}, .body = body});
  } else {
    stored = TRY(EncodeForStore(object));
  }
  return Write{.key = Key(number),
               .expect = {.kind = Precondition::Kind::kAbsent},
               .value = std::move(stored.value),
               .revision_at = stored.revision_at};
}

ServiceClaims::Holder ServiceClaims::HolderOf(const Record& claim) {
  Holder holder;
  const auto view = ObjectView::Of(claim);
  const Json document = view ? ParseJson(view->body()).value_or(Json()) : Json();
  if (!document.is_object()) return holder;
  const Json metadata = document.value("metadata", Json::object());
  const Json parent = document.value("spec", Json::object()).value("parentRef", Json::object());
  holder.namespace_name = TextAt(parent, "namespace");
  holder.name = TextAt(parent, "name");
  if (const auto since = Time::Parse(TextAt(metadata, "creationTimestamp"))) {
    holder.since = since->point();
  }
  return holder;
}

bool ServiceClaims::Has(const Holder& holder, const ServiceNumber& number) {
  const KindInfo& kind = core_v1::Service::Info();
  const auto record = store_.Get(KeyOf(kind, holder.namespace_name, holder.name));
  // Whatever cannot be told is in use.
  if (!record) return record.error().reason != Reason::kNotFound;
  const auto object = ObjectOf(kind, **record);
  if (!object) return true;
  const core_v1::ServiceSpec& spec = object->As<core_v1::Service>()->spec;
  if (IsPort(number)) return NamesPort(spec, std::atoi(number.c_str()));
  return std::ranges::any_of(spec.cluster_ips,
                             [&](const std::string& text) { return AddressName(text) == number; });
}

Result<std::optional<Revision>> ServiceClaims::Take(const ServiceNumber& number,
                                                    const core_v1::Service& service) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    Write write = TRY(WriteOf(number, service));
    const std::string key = write.key;
    const auto taken = store_.Apply(write);
    if (taken) return taken->revision;
    if (taken.error().reason != Reason::kAlreadyExists) return Fail(taken.error());
    const auto there = store_.Get(key);
    if (!there && there.error().reason == Reason::kNotFound) continue;
    if (!there) return Fail(there.error());
    // Whose it is cannot be told now: it is somebody's.
    if (IsUnreadable((*there)->value)) return std::nullopt;
    const Holder holder = HolderOf(**there);
    // Two servers that make the same service: one of them will succeed in that.
    const bool same = holder.namespace_name == service.metadata.namespace_ &&
                      holder.name == service.metadata.name;
    const bool old = !holder.since || *holder.since + kAbandonedAfter < clock_.Now();
    if (!same && (!old || Has(holder, number))) return std::nullopt;
    write.expect = {.kind = Precondition::Kind::kRevision, .revision = (*there)->modified};
    const auto over = store_.Apply(std::move(write));
    if (over) return over->revision;
    const Reason reason = over.error().reason;
    if (reason != Reason::kConflict && reason != Reason::kNotFound) return Fail(over.error());
  }
  return std::nullopt;
}

void ServiceClaims::GiveBack(const ServiceNumber& number, Revision claim,
                             const core_v1::Service& service) {
  // The service may be there, made by another server, with this very number.
  if (Has({service.metadata.namespace_, service.metadata.name, {}}, number)) return;
  (void)store_.Apply(  // It is somebody else's by now, or will be found abandoned.
      {.key = Key(number),
       .expect = {.kind = Precondition::Kind::kRevision, .revision = claim},
       .value = std::nullopt});
}

void ServiceClaims::Confirm(const ServiceNumber& number, const core_v1::Service& service) {
  auto write = WriteOf(number, service);
  if (write) (void)store_.Apply(*std::move(write));  // Nearly always it is there.
}

void ServiceClaims::Drop(const ServiceNumber& number, const core_v1::Service& service) {
  const auto there = store_.Get(Key(number));
  if (!there) return;
  const Holder holder = HolderOf(**there);
  if (holder.namespace_name != service.metadata.namespace_ ||
      holder.name != service.metadata.name) {
    return;
  }
  (void)store_.Apply(  // As in GiveBack.
      {.key = Key(number),
       .expect = {.kind = Precondition::Kind::kRevision, .revision = (*there)->modified},
       .value = std::nullopt});
}

Duration ServiceClaims::DropAbandoned(const Record& claim) {
  const ServiceNumber number(NumberIn(claim.key));
  const Holder holder = HolderOf(claim);
  if (IsUnreadable(claim.value) || Has(holder, number)) return kNever;
  const Duration age = holder.since ? clock_.Now() - *holder.since : kAbandonedAfter;
  if (age < kAbandonedAfter) return kAbandonedAfter - age;
  (void)store_.Apply(  // As in GiveBack.
      {.key = claim.key,
       .expect = {.kind = Precondition::Kind::kRevision, .revision = claim.modified},
       .value = std::nullopt});
  return kNever;
}

void ServiceClaims::Follow(const std::function<void()>& begin, const Tell& tell) {
  const Revision current = store_.Current();
  const auto take = [&](const Event& event) {
    tell(std::string(NumberIn(event.record->key)), event.kind == Event::Kind::kPut);
  };
  ReadPatience patience;
  if (addresses_.Read(current, take, patience) && ports_.Read(current, take, patience)) return;
  begin();
  const auto put = [&](const Record& record) { tell(std::string(NumberIn(record.key)), true); };
  // What is missed, Take finds out.
  (void)(addresses_.List([] {}, put) && ports_.List([] {}, put));
}

}  // namespace skiff
