#include "apiserver/aggregation/api_services.h"

#include <algorithm>

#include "api/built_in_versions.h"
#include "api/codec/struct_text.h"
#include "api/codec/typed.h"
#include "api/crd/definition.h"
#include "api/registry.h"
#include "apiserver/request/resources.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"
#include "base/at_once.h"
#include "base/hash.h"

namespace skiff {
namespace {

using apiregistration_v1::APIService;

using Condition = apiregistration_v1::APIServiceCondition;

// Of being available; nullptr: it says nothing.
const Condition* AvailableCondition(const APIService& object) {
  const auto& conditions = object.status.conditions;
  const auto found = std::find_if(conditions.begin(), conditions.end(), [](const Condition& each) {
    return each.type == kAvailableCondition;
  });
  return found == conditions.end() ? nullptr : &*found;
}

// nullptr: it cannot be read.
std::shared_ptr<APIService> ReadApiService(const Record& record) {
  const auto view = ObjectView::Of(record);
  auto object = std::make_shared<APIService>();
  const bool is_read = view && DecodeStruct(APIService::Describe(), view->body(),
                                            FieldValidation::kIgnore, object.get());
  return is_read ? object : nullptr;
}

bool IsOfDefinition(const APIService& object) {
  const auto managed = object.metadata.labels.find(kAutoManagedLabel);
  return !object.spec.service && managed != object.metadata.labels.end() &&
         managed->second == "true";
}

// Not of its status, which servers write.
std::string FingerprintOf(const APIService& object) {
  Json json = ToJson(object);
  json.erase("status");
  Json& metadata = json["metadata"];
  metadata.erase("resourceVersion");
  metadata.erase("managedFields");  // They name who wrote the status, too.
  return Base64Url(Sha256(json.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

RemoteServicePtr RemoteOf(const APIService& object) {
  const auto& spec = object.spec;
  auto remote = std::make_shared<RemoteService>();
  remote->name = object.metadata.name;
  remote->uid = object.metadata.uid;
  remote->group = spec.group;
  remote->version = spec.version;
  remote->group_priority = spec.group_priority_minimum;
  remote->version_priority = spec.version_priority;
  remote->service_namespace = spec.service->namespace_;
  remote->service_name = spec.service->name;
  remote->port = spec.service->port.value_or(443);
  remote->ca_bundle = spec.ca_bundle;
  remote->insecure = spec.insecure_skip_tls_verify;
  const Condition* condition = AvailableCondition(object);
  remote->available = condition != nullptr && condition->status == "True";
  remote->fingerprint = FingerprintOf(object);
  return remote;
}

}  // namespace

RemoteServicePtr ApiServiceTable::RemoteAt(std::string_view path) const {
  constexpr std::string_view kRoot = "/apis/";
  if (by_path.empty() || !path.starts_with(kRoot)) return nullptr;
  const size_t slash = path.find('/', kRoot.size());
  if (slash == path.npos) return nullptr;
  const size_t end = std::min(path.find('/', slash + 1), path.size());
  const auto found = by_path.find(std::string(path.substr(0, end)));
  return found == by_path.end() ? nullptr : found->second;
}

bool ApiServiceTable::HasGroup(std::string_view group) const {
  return std::any_of(listed.begin(), listed.end(),
                     [&](const ListedVersion& each) { return each.group == group; });
}

ApiServices::ApiServices(Store& store, const Resident* resident)
    : store_(store),
      resident_(resident),
      follower_(store, StorePrefix(APIService::Info().storage_key)) {}

bool ApiServices::SaysSomething(const APIService& object) const {
  const auto& spec = object.spec;
  if (resident_ != nullptr && resident_->Is(spec.group, spec.version)) return true;
  if (spec.service || !object.metadata.labels.contains(kAutoManagedLabel)) return true;
  const Condition* said = AvailableCondition(object);
  return said == nullptr || said->reason != kLocalReason;
}

Result<std::vector<ListedVersion>> ApiServices::OfDefinitions(
    const std::set<std::string, std::less<>>& groups) {
  const std::string prefix = StorePrefix(APIService::Info().storage_key);
  const ListPage page = TRY(store_.List({.prefix = prefix}));
  std::vector<ListedVersion> found;
  for (const RecordPtr& record : page.records) {
    const std::string name = record->key.substr(prefix.size());  // "v1.example.com"
    const size_t dot = std::min(name.find('.'), name.size() - 1);
    ListedVersion listed = {name.substr(dot + 1), name.substr(0, dot), crd::kGroupPriority,
                            crd::kVersionPriority};
    if (!groups.contains(listed.group) || IsBuiltInVersion(listed.group, listed.version)) continue;
    if (!IsUnreadable(record->value)) {
      const auto object = ReadApiService(*record);
      if (object == nullptr || !IsOfDefinition(*object)) continue;
      listed.group_priority = object->spec.group_priority_minimum;
      listed.version_priority = object->spec.version_priority;
    }
    found.push_back(std::move(listed));
  }
  return found;
}

bool ApiServices::Put(const Record& record) {
  auto object = ReadApiService(record);
  if (object == nullptr || !SaysSomething(*object)) return objects_.erase(record.key) > 0;
  objects_[record.key] = std::move(object);
  return true;
}

void ApiServices::Rebuild() {
  auto table = std::make_shared<ApiServiceTable>();
  table->has_resident = resident_ != nullptr;
  for (const auto& [key, object] : objects_) {
    const auto& spec = object->spec;
    if (resident_ != nullptr && resident_->Is(spec.group, spec.version)) {
      table->has_resident = false;
    }
    const bool is_built_in = spec.group.empty() || IsBuiltInVersion(spec.group, spec.version);
    const bool is_remote = !is_built_in && spec.service;
    const Condition* said = AvailableCondition(*object);
    if (!is_remote && (said == nullptr || said->reason != kLocalReason)) {
      table->unsaid_locals.push_back({object->metadata.name, object->metadata.uid});
    }
    if (is_built_in) continue;
    // Those that we make ourselves follow their definitions, and not the other way round.
    if (!is_remote && object->metadata.labels.contains(kAutoManagedLabel)) continue;
    table->listed.push_back(
        {spec.group, spec.version, spec.group_priority_minimum, spec.version_priority, is_remote});
    if (!is_remote) continue;
    table->remotes.push_back(RemoteOf(*object));
    table->by_path[table->remotes.back()->path()] = table->remotes.back();
  }
  if (table->has_resident) {
    table->listed.push_back({.group = resident_->group,
                             .version = resident_->version,
                             .group_priority = Resident::kPriority,
                             .version_priority = Resident::kPriority,
                             .is_resident = true});
  }
  table_ = std::move(table);
}

ApiServiceTablePtr ApiServices::Now() {
  const PatientLock lock(mutex_);
  if (!lock) return std::make_shared<const ApiServiceTable>();
  const Revision current = store_.Current();
  if (follower_.follows() && seen_ == current) return table_;
  bool changed = false;
  const bool followed =
      follower_.Read(current, [&](const Event& event) REQUIRES(mutex_) {
        const bool is_gone = event.kind == Event::Kind::kDelete;
        changed |= is_gone ? objects_.erase(event.record->key) > 0 : Put(*event.record);
      });
  if (!followed && MayWait()) {
    // A store that fails leaves the last state.
    changed = follower_.List([&]() REQUIRES(mutex_) { objects_.clear(); },
                             [&](const Record& record) REQUIRES(mutex_) { Put(record); });
  }
  if (changed) Rebuild();
  if (!IsVoid()) seen_ = current;
  return table_;
}

}  // namespace skiff
