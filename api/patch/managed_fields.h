// metadata.managedFields: who wrote which field last. Every write records it here, not only apply.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/gen/meta_v1.h"
#include "api/patch/field_set.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff {

// More writers by Update than this are merged, oldest first, into "ancient-changes".
inline constexpr size_t kUpdateManagersMax = 10;

// Fields that an endpoint wipes or keeps, and that no write through it ever owns.
struct ResetFields {
  std::vector<std::string_view> paths;  // "status", "metadata.labels"
  std::string_view all_but;             // Not "": everything but this path.
  void Apply(FieldSet& set) const;
};
// `subresource`: "" for the object itself.
ResetFields ResetFieldsOf(const KindInfo& kind, std::string_view subresource);

// Who writes, through which endpoint, and when.
struct FieldWriter {
  std::string_view manager;  // "" counts as "unknown".
  std::string_view api_version;
  std::string_view subresource;
  TimePoint now;
  ResetFields reset;
};

// One entry of the list. Its identity is all but time and fields.
struct ManagedEntry {
  std::string manager;
  bool is_apply = false;
  std::string api_version;
  std::string subresource;
  std::string time;  // RFC 3339; "" for none.
  FieldSet fields;
  // By Apply, a manager has one entry whatever the version.
  bool SameManager(const ManagedEntry& other) const;
};
using ManagedEntries = std::vector<ManagedEntry>;

// Fails when an entry is not valid (operation, version, fieldsType).
Result<ManagedEntries> DecodeManagedFields(const Json& object);
// Writes the entries, sorted, into the object; erases the list when there are none.
void EncodeManagedFields(ManagedEntries entries, Json& object);

// Which entries a write starts from: those it sends, if it does so through the object's own
// endpoint and they are valid, else those of the live object.
ManagedEntries EntriesBeforeWrite(const Json& live, const Json& object,
                                  std::string_view subresource);

// After a create, update or (not apply) patch: writes object.metadata.managedFields. `live` is the
// object before; on create ZeroDocument(type). Both in normal form and with defaults.
void UpdateManagedFields(const Type& type, const Json& live, Json& object,
                         const FieldWriter& writer);
// The same for structs of that type, which have metadata. `live`: nullptr on create.
void UpdateManagedFields(const Type& type, const void* live, void* object,
                         const FieldWriter& writer);
// The same over entries: what this write changed goes to `writer`.
void RecordUpdate(Comparison comparison, const FieldWriter& writer, ManagedEntries& entries);
// Takes fields away from all entries but the one at `except`; drops those that become empty.
void TakeFields(ManagedEntries& entries, const FieldSet& fields, const ManagedEntry* except);
// Merges the oldest Update entries until there are kUpdateManagersMax.
void CapUpdateManagers(ManagedEntries& entries);
// Fields that nobody owns: names, timestamps, managedFields itself.
void StripSystemFields(FieldSet& set);

// Whether two lists differ in nothing but times. A write that changes no more is not stored.
bool SameButForTimes(const std::vector<meta_v1::ManagedFieldsEntry>& live,
                     const std::vector<meta_v1::ManagedFieldsEntry>& entries);

}  // namespace skiff
