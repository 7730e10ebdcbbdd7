#include "apiserver/services/master_leases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/rules/core/ip.h"
#include "api/server_addresses.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

constexpr char kNamespace[] = "default";
constexpr char kService[] = "kubernetes";

// Changes the object that the start objects made; one that is not there is left to the next start.
// `change` says whether there is something to write.
template <typename T, typename Change>
Result<> Rewrite(Store& store, Change change) {
  const KindInfo& kind = T::Info();
  const auto record = store.Get(KeyOf(kind, kNamespace, kService));
  if (!record) {
    if (record.error().reason == Reason::kNotFound) return {};
    return Fail(record.error());
  }
  Object object = TRY(ObjectOf(kind, **record));
  if (!change(*object.As<T>())) return {};
  StoredObject stored = TRY(EncodeForStore(object));
  const auto written = store.Apply(
      {.key = (*record)->key,
       .expect = {.kind = Precondition::Kind::kRevision, .revision = (*record)->modified},
       .value = std::move(stored.value),
       .revision_at = stored.revision_at});
  // Another server has just done the same.
  if (!written && written.error().reason != Reason::kConflict) return Fail(written.error());
  return {};
}

}  // namespace

Result<> MasterLeases::Renew() {
  Object lease(core_v1::Endpoints::Info());
  lease.metadata().name = address_;
  auto& subset = lease.As<core_v1::Endpoints>()->subsets.emplace_back();
  // kube-apiserver reads the first.
  subset.addresses.emplace_back().ip = address_;
  for (const std::string& other : others_) subset.addresses.emplace_back().ip = other;
  StoredObject stored = TRY(EncodeForStore(lease));
  TRY(store_.Apply({.key = StoreKey(kMasterLeases, "", address_),
                    .expect = {},
                    .value = std::move(stored.value),
                    .revision_at = stored.revision_at}));
  return {};
}

Result<> MasterLeases::WriteEndpoints(const std::set<std::string>& addresses) {
  return Rewrite<core_v1::Endpoints>(store_, [&](core_v1::Endpoints& endpoints) {
    if (endpoints.subsets.empty()) return false;
    auto& subset = endpoints.subsets.front();
    std::vector<core_v1::EndpointAddress> wanted;
    for (const std::string& address : addresses) wanted.emplace_back().ip = address;
    std::set<std::string> present;
    for (const auto& at : subset.addresses) present.insert(at.ip);
    if (present == addresses && subset.addresses.size() == addresses.size()) return false;
    subset.addresses = std::move(wanted);
    return true;
  });
}

Result<> MasterLeases::WriteSlice(const std::set<std::string>& addresses,
                                  const std::set<std::string>& others) {
  const std::string told = fmt::format("{}", fmt::join(others, ","));
  return Rewrite<discovery_v1::EndpointSlice>(store_, [&](discovery_v1::EndpointSlice& slice) {
    std::set<std::string> present;
    for (const auto& endpoint : slice.endpoints) {
      present.insert(endpoint.addresses.begin(), endpoint.addresses.end());
    }
    auto& annotations = slice.metadata.annotations;
    const auto annotation = annotations.find(kServerAddressesAnnotation);
    const bool is_told = told == (annotation == annotations.end() ? "" : annotation->second);
    if (present == addresses && slice.endpoints.size() == addresses.size() && is_told) return false;
    annotations.erase(kServerAddressesAnnotation);
    if (!told.empty()) annotations[kServerAddressesAnnotation] = told;
    slice.endpoints.clear();
    for (const std::string& address : addresses) {
      auto& endpoint = slice.endpoints.emplace_back();
      endpoint.addresses = {address};
      endpoint.conditions.ready = true;
    }
    return true;
  });
}

Result<> MasterLeases::Reconcile() {
  const std::string prefix = StorePrefix(kMasterLeases);
  const auto page = TRY(store_.List({.prefix = prefix}));
  const auto own = ParseIp(address_);
  std::set<std::string> addresses;
  std::set<std::string> others;
  for (const RecordPtr& record : page.records) {
    const std::string address = record->key.substr(prefix.size());
    const auto ip = ParseIp(address);
    // A slice has addresses of one family.
    if (ip && own && ip->v6 == own->v6) addresses.insert(address);
    Object lease = TRY(ObjectOf(core_v1::Endpoints::Info(), *record));
    for (const auto& subset : lease.As<core_v1::Endpoints>()->subsets) {
      for (const auto& at : subset.addresses) others.insert(at.ip);
    }
  }
  for (const std::string& address : addresses) others.erase(address);
  // The last one leaves its address: somebody will come back at it.
  if (addresses.empty()) return {};
  TRY(WriteEndpoints(addresses));
  return WriteSlice(addresses, others);
}

Duration MasterLeases::Step() {
  if (withdrawn_) return kNever;
  Result<> done = Renew();
  if (done) done = Reconcile();
  // It ended while this was written: clients would be sent here until it runs out.
  if (withdrawn_) {
    Leave();
    return kNever;
  }
  if (done) return kPeriod;
  log_.Error("addresses of servers not renewed", {{"error", done.error().message}});
  return kTryAgain;
}

void MasterLeases::Withdraw() {
  if (!withdrawn_.exchange(true)) Leave();
}

void MasterLeases::Leave() {
  const auto left = store_.Apply({.key = StoreKey(kMasterLeases, "", address_)});
  // It expires by itself, and the server that ends waits no longer for a store that is away.
  if (!left && left.error().reason != Reason::kNotFound) return;
  (void)Reconcile();  // Others do it soon.
}

}  // namespace skiff
