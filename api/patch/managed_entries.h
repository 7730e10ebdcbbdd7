// The entries of metadata.managedFields, as documents and as structs have them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "api/gen/meta_v1.h"
#include "api/patch/field_set.h"
#include "api/values.h"

namespace skiff {

// One entry of the list. Its identity is all but time and fields.
struct ManagedEntry {
  std::string manager;
  bool is_apply = false;
  std::string api_version;
  std::string subresource;
  std::string time;  // RFC 3339; "" for none.
  FieldSet fields;
  // Where nobody had to look at the fields yet: what they are in the object before, which outlives
  // the entry. `fields` is empty then.
  const RawJson* unread = nullptr;
  // By Apply, a manager has one entry whatever the version.
  bool SameManager(const ManagedEntry& other) const;
};
using ManagedEntries = std::vector<ManagedEntry>;

// Fails when an entry is not valid (operation, version, fieldsType).
Result<ManagedEntries> DecodeManagedFields(const Json& object);
// Writes the entries, sorted, into the object; erases the list when there are none.
void EncodeManagedFields(ManagedEntries entries, Json& object);

// Puts entries together, one for each manager: lists may be long.
class EntriesByManager {
 public:
  // The entry of the same manager; nullptr: there is none yet, and `entry` has become it.
  ManagedEntry* FindOrAdd(ManagedEntry& entry);
  ManagedEntries Take() { return std::move(entries_); }

 private:
  std::map<std::tuple<std::string, std::string, std::string, bool>, size_t> places_;
  ManagedEntries entries_;
};

// Which entries a write starts from: those it sends, if it does so through the object's own
// endpoint and they are valid, else those of the live object.
ManagedEntries EntriesBeforeWrite(const Json& live, const Json& object,
                                  std::string_view subresource);
// The same of structs, which stay beside the entries: of those that are as in `live` the fields are
// not read.
ManagedEntries EntriesBeforeWrite(const std::vector<meta_v1::ManagedFieldsEntry>& sent,
                                  const std::vector<meta_v1::ManagedFieldsEntry>& live,
                                  std::string_view subresource);
// Sorted.
std::vector<meta_v1::ManagedFieldsEntry> EncodeAsStructs(ManagedEntries entries);

}  // namespace skiff
