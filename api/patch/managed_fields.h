// metadata.managedFields: who wrote which field last. Every write records it here, not only apply.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/gen/meta_v1.h"
#include "api/patch/field_set.h"
#include "api/patch/managed_entries.h"
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

// The versions of a kind: a field that was written through one of them may have another name, or
// none, in the others.
class FieldVersions {
 public:
  virtual ~FieldVersions() = default;
  // nullptr: there is no such version, or none any more. What was written through it is forgotten.
  virtual const Type* TypeOf(std::string_view api_version) const = 0;
  // Whether Kubernetes fails at a version that there is not, where it forgets one that it knew
  // once: then all that is known is forgotten.
  virtual bool FailsAtUnknown() const { return false; }
  // A whole document; both versions are there. May have to wait for a webhook.
  virtual Result<Json> Convert(Json document, std::string_view api_version) const = 0;
};

// The same document as another version. Fails also when it does not fit that one's schema, as where
// nothing converts versions that differ.
Result<Json> ConvertFields(const FieldVersions& versions, const Json& document,
                           std::string_view api_version);

// Who writes, through which endpoint, and when.
struct FieldWriter {
  std::string_view manager;  // "" counts as "unknown".
  std::string_view api_version;
  std::string_view subresource;
  TimePoint now;
  ResetFields reset;
  const FieldVersions* versions = nullptr;  // Null: all entries are of versions that look alike.
};

// What a write changes, as each version sees it that entries were written through.
class VersionedChanges {
 public:
  // Of the write's own version. Fields that its endpoint resets are no change.
  VersionedChanges(Comparison own, const FieldWriter& writer);
  // Looks at the write from the versions of `entries` too; those whose version is gone go.
  Result<> Add(const Json& before, const Json& after, ManagedEntries& entries);
  const Comparison& own() const { return own_; }
  FieldSet TakeChanged() && { return std::move(own_.changed); }
  const Comparison& Of(const ManagedEntry& entry) const;

 private:
  const FieldWriter& writer_;
  Comparison own_;
  std::map<std::string, Comparison, std::less<>> others_;  // By apiVersion.
};

// After a create, update or (not apply) patch: writes object.metadata.managedFields. `live` is the
// object before; on create ZeroDocument(type). Both in normal form and with defaults. Where they
// cannot be seen as the version of an entry, Kubernetes forgets all that is known, and so is it
// here; so it does where one of them does not fit its schema.
void UpdateManagedFields(const Type& type, const Json& live, Json& object,
                         const FieldWriter& writer);
// The same for structs of that type, which have metadata. `live`: nullptr on create.
void UpdateManagedFields(const Type& type, const void* live, void* object,
                         const FieldWriter& writer);
// The same of documents that leave out who owns what, which stands beside them.
struct OwnedDocuments {
  const Json& live;
  const Json& object;
  const std::vector<meta_v1::ManagedFieldsEntry>& live_entries;
  // As they were sent, and then as they are to be.
  std::vector<meta_v1::ManagedFieldsEntry>& entries;
};
void UpdateManagedFields(const Type& type, const OwnedDocuments& documents,
                         const FieldWriter& writer);
// The same over entries: what this write changed goes to `writer`.
void RecordUpdate(VersionedChanges changes, const FieldWriter& writer, ManagedEntries& entries);
// Takes what was changed from all entries but the one at `except`, and what was removed from that
// one too; drops those that become empty.
void TakeChanges(ManagedEntries& entries, const VersionedChanges& changes,
                 const ManagedEntry* except);
// Merges the oldest Update entries until there are kUpdateManagersMax.
void CapUpdateManagers(ManagedEntries& entries);
// Fields that nobody owns: names, timestamps, managedFields itself.
void StripSystemFields(FieldSet& set);

// Whether two lists differ in nothing but times. A write that changes no more is not stored.
bool SameButForTimes(const std::vector<meta_v1::ManagedFieldsEntry>& live,
                     const std::vector<meta_v1::ManagedFieldsEntry>& entries);

}  // namespace skiff
