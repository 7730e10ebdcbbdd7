#include "api/patch/managed_fields.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "api/codec/document.h"
#include "api/codec/struct_fields.h"
#include "api/patch/apply.h"
#include "api/patch/field_walk.h"
#include "api/patch/known_fields.h"
#include "api/text/group_version.h"
#include "base/mutex.h"

namespace skiff {
namespace {

constexpr std::string_view kAncientChanges = "ancient-changes";

ManagedEntry* FindManager(ManagedEntries& entries, const ManagedEntry& wanted) {
  for (ManagedEntry& entry : entries) {
    if (entry.SameManager(wanted)) return &entry;
  }
  return nullptr;
}

// What was written through another group (an Event has two) cannot be turned into this one.
void DropOtherGroups(std::string_view api_version, ManagedEntries& entries) {
  std::erase_if(entries, [&](const ManagedEntry& entry) {
    return GroupPart(entry.api_version) != GroupPart(api_version);
  });
}

void DropEmpty(ManagedEntries& entries) {
  std::erase_if(entries, [](const ManagedEntry& entry) {
    return entry.unread == nullptr && entry.fields.Empty();
  });
}

// What is kept has been a set before.
void ReadFields(ManagedEntry& entry) {
  if (entry.unread == nullptr) return;
  const RawJson& text = *std::exchange(entry.unread, nullptr);
  entry.fields = FieldSetFromText(text.Text()).value_or(FieldSet());
}

void TakeFields(const FieldSet& set, ManagedEntry& entry) {
  if (set.Empty()) return;
  // Most writes change nothing that others wrote: their fields stay the text that they are.
  if (entry.unread != nullptr && CountMembersIn(entry.unread->Text(), set) == 0) return;
  ReadFields(entry);
  Subtract(entry.fields, set);
}

// Whether the entry of who changed `changed` looks the same afterwards, its time aside: the same
// fields are written again and again. `owned`: those of them that anybody owns.
bool OwnsAll(const ManagedEntry& entry, const FieldSet& changed, const FieldSet& owned) {
  if (entry.unread == nullptr) return false;
  const size_t wanted = CountMembers(owned);
  const std::string_view text = entry.unread->Text();
  return CountMembersIn(text, owned) == wanted && CountMembersIn(text, changed) == wanted;
}

}  // namespace

void ResetFields::Apply(FieldSet& set) const {
  for (const std::string_view path : paths) Exclude(set, path);
  if (!all_but.empty()) KeepOnly(set, all_but);
}

void StripSystemFields(FieldSet& set) {
  static constexpr std::array<std::string_view, 9> kOfMetadata = {
      "f:name",        "f:namespace",  "f:creationTimestamp", "f:selfLink",       "f:uid",
      "f:clusterName", "f:generation", "f:managedFields",     "f:resourceVersion"};
  for (const std::string_view name : {"f:apiVersion", "f:kind"}) set.children.erase(name);
  const auto metadata = set.children.find("f:metadata");
  if (metadata == set.children.end()) return;
  for (const std::string_view name : kOfMetadata) metadata->second.children.erase(name);
  metadata->second.member = false;
  if (metadata->second.Empty()) set.children.erase(metadata);
}

Result<Json> ConvertFields(const FieldVersions& versions, const Json& document,
                           std::string_view api_version) {
  Json converted = TRY(versions.Convert(document, api_version));
  Json fields = converted;
  fields.erase("kind");
  fields.erase("apiVersion");
  const std::string misfit = CheckApplied(*versions.TypeOf(api_version), fields);
  if (misfit.empty()) return converted;
  Error error{.reason = Reason::kUnknown, .message = misfit};
  error.http_code = 500;
  return Fail(std::move(error));
}

VersionedChanges::VersionedChanges(Comparison own, const FieldWriter& writer)
    : writer_(writer), own_(std::move(own)) {
  writer.reset.Apply(own_.changed);
  writer.reset.Apply(own_.removed);
}

Result<> VersionedChanges::Add(const Json& before, const Json& after, ManagedEntries& entries) {
  const FieldVersions* versions = writer_.versions;
  if (versions == nullptr) return {};
  std::erase_if(entries, [&](const ManagedEntry& entry) {
    return versions->TypeOf(entry.api_version) == nullptr;
  });
  Json old, now;  // Only for who asks.
  for (const ManagedEntry& entry : entries) {
    const std::string& version = entry.api_version;
    if (version == writer_.api_version || others_.contains(version)) continue;
    if (old.is_null()) {
      old = before, now = after;
      for (Json* document : {&old, &now}) {
        if (document->contains("metadata")) (*document)["metadata"].erase("managedFields");
      }
    }
    Comparison& seen = others_[version];
    const Json old_there = TRY(ConvertFields(*versions, old, version));
    const Json now_there = TRY(ConvertFields(*versions, now, version));
    seen = Compare({versions->TypeOf(version), nullptr}, old_there, now_there);
    writer_.reset.Apply(seen.changed);
    writer_.reset.Apply(seen.removed);
  }
  return {};
}

const Comparison& VersionedChanges::Of(const ManagedEntry& entry) const {
  const auto found = others_.find(entry.api_version);
  return found == others_.end() ? own_ : found->second;
}

void TakeChanges(ManagedEntries& entries, const VersionedChanges& changes,
                 const ManagedEntry* except) {
  for (ManagedEntry& entry : entries) {
    const Comparison& seen = changes.Of(entry);
    if (&entry != except) TakeFields(seen.changed, entry);
    TakeFields(seen.removed, entry);
  }
  DropEmpty(entries);
}

void RecordUpdate(VersionedChanges changes, const FieldWriter& writer, ManagedEntries& entries) {
  ManagedEntry self;
  self.manager = writer.manager.empty() ? "unknown" : writer.manager;
  self.api_version = writer.api_version;
  self.subresource = writer.subresource;
  self.time = Time(writer.now).Rfc3339();
  const ManagedEntry* known = FindManager(entries, self);
  bool owns_all = false;
  if (known != nullptr) {
    FieldSet owned = changes.own().changed;
    StripSystemFields(owned);
    owns_all = OwnsAll(*known, changes.own().changed, owned) && !owned.Empty();
  }
  TakeChanges(entries, changes, owns_all ? known : nullptr);
  ManagedEntry* earlier = FindManager(entries, self);
  if (owns_all && earlier != nullptr && earlier->unread != nullptr) {
    earlier->time = std::move(self.time);
    return;
  }
  self.fields = std::move(changes).TakeChanged();
  StripSystemFields(self.fields);
  if (self.fields.Empty()) return;
  if (earlier != nullptr) {
    ReadFields(*earlier);
    earlier->fields = Union(std::move(self.fields), earlier->fields);
    earlier->time = std::move(self.time);
  } else {
    entries.push_back(std::move(self));
  }
}

void CapUpdateManagers(ManagedEntries& entries) {
  const auto is_update = [](const ManagedEntry& entry) { return !entry.is_apply; };
  auto updates = static_cast<size_t>(std::count_if(entries.begin(), entries.end(), is_update));
  if (updates <= kUpdateManagersMax) return;
  for (ManagedEntry& entry : entries) ReadFields(entry);
  // Oldest first; the names of equally old ones decide.
  std::sort(entries.begin(), entries.end(), [](const ManagedEntry& a, const ManagedEntry& b) {
    return std::tie(a.time, a.manager, a.api_version, a.subresource) <
           std::tie(b.time, b.manager, b.api_version, b.subresource);
  });
  ManagedEntries out;
  std::map<std::string, size_t> first_of_version;       // Positions in `out`.
  std::map<size_t, std::vector<FieldSet>> put_together;  // What comes to be of the entry there.
  for (ManagedEntry& entry : entries) {
    if (entry.is_apply || updates <= kUpdateManagersMax) {
      out.push_back(std::move(entry));
      continue;
    }
    const auto [first, is_first] = first_of_version.try_emplace(entry.api_version, out.size());
    if (is_first) {
      out.push_back(std::move(entry));
      continue;
    }
    ManagedEntry& bucket = out[first->second];
    bucket.manager = kAncientChanges;
    bucket.subresource.clear();
    auto& fields = put_together[first->second];
    if (fields.empty()) fields.push_back(std::move(bucket.fields));
    fields.push_back(std::move(entry.fields));
    bucket.time = std::move(entry.time);
    --updates;
  }
  for (auto& [place, fields] : put_together) out[place].fields = UnionOf(std::move(fields));
  // The bucket of an earlier write may stand apart from the new one.
  EntriesByManager kept;
  for (ManagedEntry& entry : out) {
    if (ManagedEntry* earlier = kept.FindOrAdd(entry)) {
      earlier->fields = Union(std::move(earlier->fields), entry.fields);
      earlier->time = std::max(earlier->time, entry.time);
    }
  }
  entries = kept.Take();
}

namespace {

// What entries name by schemas that have changed since: those of definitions do.
void FollowSchemas(const Type& type, const FieldWriter& writer, ManagedEntries& entries) {
  for (ManagedEntry& entry : entries) {
    const bool is_own = writer.versions == nullptr || entry.api_version == writer.api_version;
    const Type* seen = is_own ? &type : writer.versions->TypeOf(entry.api_version);
    if (seen == nullptr) continue;
    if (entry.unread != nullptr && !NamesPartsOfWhole(entry.unread->Text(), *seen)) continue;
    ReadFields(entry);
    OwnWhole(entry.fields, *seen);
  }
}

bool FailsAtOneOf(const ManagedEntries& entries, const FieldWriter& writer) {
  if (writer.versions == nullptr || !writer.versions->FailsAtUnknown()) return false;
  return std::any_of(entries.begin(), entries.end(), [&](const ManagedEntry& entry) {
    return writer.versions->TypeOf(entry.api_version) == nullptr;
  });
}

void UpdateEntries(const Type& type, const Json& live, const Json& object,
                   const FieldWriter& writer, ManagedEntries& entries) {
  // What nobody tracked at its creation stays untracked until somebody applies.
  const auto metadata = live.find("metadata");
  const bool exists = metadata != live.end() && metadata->contains("uid");
  if (entries.empty() && exists) return;
  if (!CheckKept(type, object).empty() || !CheckKept(type, live).empty()) {
    entries.clear();
    return;
  }
  if (FailsAtOneOf(entries, writer)) {
    entries.clear();
    return;
  }
  DropOtherGroups(writer.api_version, entries);
  FollowSchemas(type, writer, entries);
  VersionedChanges changes(Compare({&type, nullptr}, live, object), writer);
  if (changes.Add(live, object, entries)) {
    RecordUpdate(std::move(changes), writer, entries);
  } else {
    entries.clear();
  }
  CapUpdateManagers(entries);
}

}  // namespace

void UpdateManagedFields(const Type& type, const Json& live, Json& object,
                         const FieldWriter& writer) {
  ManagedEntries entries = EntriesBeforeWrite(live, object, writer.subresource);
  UpdateEntries(type, live, object, writer, entries);
  EncodeManagedFields(std::move(entries), object);
}

namespace {

using Entry = meta_v1::ManagedFieldsEntry;

// An empty struct of that type, one for all: there are as many as kinds.
const void* EmptyOf(const Type& type) {
  static Mutex mutex;
  static std::map<const Type*, std::unique_ptr<void, void (*)(void*)>> all;
  const MutexLock lock(mutex);
  const auto found = all.find(&type);
  if (found != all.end()) return found->second.get();
  return all.try_emplace(&type, type.ops->create(), type.ops->destroy).first->second.get();
}

// What RecordUpdate comes to where nobody owns anything yet.
Entry NewEntry(const FieldWriter& writer, RawJson fields) {
  Entry entry;
  entry.manager = writer.manager.empty() ? "unknown" : writer.manager;
  entry.operation = "Update";
  entry.api_version = writer.api_version;
  entry.time = Time(std::chrono::floor<std::chrono::seconds>(writer.now));
  entry.fields_type = "FieldsV1";
  entry.fields_v1 = std::move(fields);
  return entry;
}

// What a shape begins with.
std::string ShapeBeginning(const Type& type, const FieldWriter& writer) {
  std::string shape;
  for (const std::string_view text : {type.api_version, type.name, writer.api_version}) {
    AppendShapeText(text, shape);
  }
  for (const std::string_view path : writer.reset.paths) AppendShapeText(path, shape);
  AppendShapeText(writer.reset.all_but, shape);
  return shape;
}

// Gives the entries of a new object, of which nobody owns anything yet: known ones, or those that
// `find_out` makes. `append` appends the shape, and says whether that tells all.
template <typename Append, typename FindOut>
std::vector<Entry> EntriesOfNew(const Type& type, const FieldWriter& writer, const Append& append,
                                const FindOut& find_out) {
  std::string shape = ShapeBeginning(type, writer);
  if (!append(shape) || shape.size() > kShapeBytesMax) return find_out();
  if (auto fields = KnownFields::Instance().Find(shape)) {
    std::vector<Entry> entries(1);
    entries[0] = NewEntry(writer, *std::move(fields));
    return entries;
  }
  std::vector<Entry> entries = find_out();
  if (entries.size() == 1 && entries[0].fields_v1) {
    KnownFields::Instance().Learn(std::move(shape), *entries[0].fields_v1);
  }
  return entries;
}

template <typename Object>
auto& MetadataOf(const Type& type, Object* object) {
  using Meta = std::conditional_t<std::is_const_v<Object>, const meta_v1::ObjectMeta,
                                  meta_v1::ObjectMeta>;
  return *static_cast<Meta*>(MemberOf(object, *type.Find("metadata")));
}

}  // namespace

void UpdateManagedFields(const Type& type, const void* live, void* object,
                         const FieldWriter& writer) {
  meta_v1::ObjectMeta& metadata = MetadataOf(type, object);
  const meta_v1::ObjectMeta* before = live == nullptr ? nullptr : &MetadataOf(type, live);
  // Entries that nobody reads point into what was sent, and into what is there.
  const std::vector<Entry> sent = std::exchange(metadata.managed_fields, {});
  const std::vector<Entry> none;
  const std::vector<Entry>& kept = before != nullptr ? before->managed_fields : none;
  ManagedEntries entries = EntriesBeforeWrite(sent, kept, writer.subresource);
  const auto find_out = [&] {
    // What nobody tracked at its creation stays untracked until somebody applies.
    if (!entries.empty() || before == nullptr || before->uid.empty()) {
      DropOtherGroups(writer.api_version, entries);
      // What was sent; what is there was looked at when it was.
      for (ManagedEntry& entry : entries) {
        if (entry.unread == nullptr) OwnWhole(entry.fields, type);
      }
      const void* from = before != nullptr ? live : EmptyOf(type);
      Comparison comparison = CompareStructs(type, from, object);
      if (comparison.fits) {
        RecordUpdate(VersionedChanges(std::move(comparison), writer), writer, entries);
        CapUpdateManagers(entries);
      } else {
        entries.clear();
      }
    }
    return EncodeAsStructs(std::move(entries));
  };
  if (before != nullptr || !entries.empty() || !writer.subresource.empty()) {
    metadata.managed_fields = find_out();
    return;
  }
  const auto append = [&](std::string& shape) {
    return AppendShape(type, EmptyOf(type), object, shape);
  };
  metadata.managed_fields = EntriesOfNew(type, writer, append, find_out);
}

void UpdateManagedFields(const Type& type, const OwnedDocuments& documents,
                         const FieldWriter& writer) {
  // Entries that nobody reads point into what was sent, and into what is there.
  const std::vector<Entry> sent = std::exchange(documents.entries, {});
  ManagedEntries entries =
      EntriesBeforeWrite(sent, documents.live_entries, writer.subresource);
  const auto find_out = [&] {
    UpdateEntries(type, documents.live, documents.object, writer, entries);
    return EncodeAsStructs(std::move(entries));
  };
  const bool exists = documents.live.contains("metadata") &&
                      documents.live["metadata"].contains("uid");
  if (exists || !entries.empty() || !writer.subresource.empty()) {
    documents.entries = find_out();
    return;
  }
  const auto append = [&](std::string& shape) {
    return AppendShape(Spot{&type, nullptr}, documents.live, documents.object, shape);
  };
  documents.entries = EntriesOfNew(type, writer, append, find_out);
}

}  // namespace skiff
