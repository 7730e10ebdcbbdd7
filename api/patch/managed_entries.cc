#include "api/patch/managed_entries.h"

#include <algorithm>

#include "api/codec/document.h"

namespace skiff {
namespace {

using Entry = meta_v1::ManagedFieldsEntry;

const Json* ManagedFieldsIn(const Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return nullptr;
  const auto list = metadata->find("managedFields");
  return list == metadata->end() || !list->is_array() ? nullptr : &*list;
}

Result<> CheckEntry(std::string_view operation, std::string_view api_version,
                    std::string_view fields_type) {
  if (operation != "Apply" && operation != "Update") {
    return Fail(Reason::kBadRequest, "operation must be `Apply` or `Update`");
  }
  if (api_version.empty()) return Fail(Reason::kBadRequest, "apiVersion must not be empty");
  if (fields_type != "FieldsV1") {
    return Fail(Reason::kBadRequest, "fieldsType must be `FieldsV1`");
  }
  return {};
}

Result<ManagedEntry> DecodeEntry(const Json& json) {
  ManagedEntry entry;
  if (!json.is_object()) return Fail(Reason::kBadRequest, "entry is not an object");
  const std::string operation = TextAt(json, "operation");
  entry.is_apply = operation == "Apply";
  entry.api_version = TextAt(json, "apiVersion");
  TRY(CheckEntry(operation, entry.api_version, TextAt(json, "fieldsType")));
  entry.manager = TextAt(json, "manager");
  entry.subresource = TextAt(json, "subresource");
  entry.time = TextAt(json, "time");
  if (const auto fields = json.find("fieldsV1"); fields != json.end()) {
    entry.fields = TRY(FieldSetFromJson(*fields));
  }
  return entry;
}

Json EncodeEntry(const ManagedEntry& entry) {
  Json json = {{"manager", entry.manager},
               {"operation", entry.is_apply ? "Apply" : "Update"},
               {"apiVersion", entry.api_version},
               {"fieldsType", "FieldsV1"},
               {"fieldsV1", ToJson(entry.fields)}};
  if (!entry.time.empty()) json["time"] = entry.time;
  if (!entry.subresource.empty()) json["subresource"] = entry.subresource;
  return json;
}

// One empty entry, or an empty list, asks to forget all owners.
bool IsReset(const Json& list) {
  return list.empty() || (list.size() == 1 && list[0].is_object() && list[0].empty());
}

void SortEntries(ManagedEntries& entries) {
  const auto order = [](const ManagedEntry& entry) {
    return std::tie(entry.time, entry.manager, entry.api_version, entry.subresource);
  };
  std::sort(entries.begin(), entries.end(), [&](const ManagedEntry& a, const ManagedEntry& b) {
    if (a.is_apply != b.is_apply) return a.is_apply;
    return order(a) < order(b);
  });
}

// `is_kept`: its fields are those of an entry of the object before.
Result<ManagedEntry> DecodeEntry(const Entry& given, bool is_kept) {
  TRY(CheckEntry(given.operation, given.api_version, given.fields_type));
  ManagedEntry entry{.manager = given.manager,
                     .is_apply = given.operation == "Apply",
                     .api_version = given.api_version,
                     .subresource = given.subresource};
  if (given.time && !given.time->IsZero()) entry.time = given.time->Rfc3339();
  if (!given.fields_v1) return entry;
  constexpr std::string_view kNone = "{}";
  if (is_kept && !given.fields_v1->IsNull() && given.fields_v1->Text() != kNone) {
    entry.unread = &*given.fields_v1;
  } else {
    entry.fields = TRY(FieldSetFromText(given.fields_v1->Text()));
  }
  return entry;
}

Result<ManagedEntries> DecodeEntries(const std::vector<Entry>& list,
                                     const std::vector<Entry>& live) {
  EntriesByManager entries;
  for (size_t i = 0; i < list.size(); ++i) {
    const bool is_kept = i < live.size() && list[i].fields_v1 == live[i].fields_v1;
    ManagedEntry entry = TRY(DecodeEntry(list[i], is_kept));
    if (ManagedEntry* earlier = entries.FindOrAdd(entry)) *earlier = std::move(entry);
  }
  return entries.Take();
}

Entry EncodeAsStruct(const ManagedEntry& entry) {
  Entry out;
  out.manager = entry.manager;
  out.operation = entry.is_apply ? "Apply" : "Update";
  out.api_version = entry.api_version;
  out.subresource = entry.subresource;
  if (!entry.time.empty()) {
    if (auto time = Time::Parse(entry.time)) out.time = *time;
  }
  out.fields_type = "FieldsV1";
  if (entry.unread != nullptr) {
    out.fields_v1 = *entry.unread;
    return out;
  }
  std::string fields;
  AppendText(entry.fields, fields);
  out.fields_v1 = RawJson::FromText(fields);
  return out;
}

}  // namespace

ManagedEntry* EntriesByManager::FindOrAdd(ManagedEntry& entry) {
  const std::string_view version = entry.is_apply ? "" : std::string_view(entry.api_version);
  const auto [place, is_new] = places_.try_emplace(
      {entry.manager, entry.subresource, std::string(version), entry.is_apply}, entries_.size());
  if (!is_new) return &entries_[place->second];
  entries_.push_back(std::move(entry));
  return nullptr;
}

bool ManagedEntry::SameManager(const ManagedEntry& other) const {
  return manager == other.manager && is_apply == other.is_apply &&
         subresource == other.subresource && (is_apply || api_version == other.api_version);
}

Result<ManagedEntries> DecodeManagedFields(const Json& object) {
  const Json* list = ManagedFieldsIn(object);
  if (list == nullptr) return ManagedEntries();
  EntriesByManager entries;
  for (const Json& json : *list) {
    ManagedEntry entry = TRY(DecodeEntry(json));
    if (ManagedEntry* earlier = entries.FindOrAdd(entry)) *earlier = std::move(entry);
  }
  return entries.Take();
}

void EncodeManagedFields(ManagedEntries entries, Json& object) {
  if (entries.empty()) {
    if (ManagedFieldsIn(object) != nullptr) object["metadata"].erase("managedFields");
    return;
  }
  SortEntries(entries);
  Json list = Json::array();
  for (const ManagedEntry& entry : entries) list.push_back(EncodeEntry(entry));
  object["metadata"]["managedFields"] = std::move(list);
}

ManagedEntries EntriesBeforeWrite(const Json& live, const Json& object,
                                  std::string_view subresource) {
  if (subresource.empty()) {
    if (const Json* sent = ManagedFieldsIn(object)) {
      if (IsReset(*sent)) return {};
      auto entries = DecodeManagedFields(object);
      if (entries && !entries->empty()) return std::move(*entries);
    }
  }
  return DecodeManagedFields(live).value_or(ManagedEntries());
}

std::vector<meta_v1::ManagedFieldsEntry> EncodeAsStructs(ManagedEntries entries) {
  SortEntries(entries);
  std::vector<Entry> out;
  out.reserve(entries.size());
  for (const ManagedEntry& entry : entries) out.push_back(EncodeAsStruct(entry));
  return out;
}

ManagedEntries EntriesBeforeWrite(const std::vector<meta_v1::ManagedFieldsEntry>& sent,
                                  const std::vector<meta_v1::ManagedFieldsEntry>& live,
                                  std::string_view subresource) {
  if (subresource.empty() && !sent.empty()) {
    if (sent.size() == 1 && sent[0] == Entry()) return {};
    auto entries = DecodeEntries(sent, live);
    if (entries && !entries->empty()) return std::move(*entries);
  }
  return DecodeEntries(live, live).value_or(ManagedEntries());
}

}  // namespace skiff
