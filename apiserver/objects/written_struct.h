// The struct that a record was written from, for whoever in this process would read it from the
// record's text again: informers, which share it, and the next write of the object, which begins
// with a copy.
#pragma once

#include <memory>
#include <optional>

#include "api/gen/meta_v1.h"
#include "api/type.h"
#include "apiserver/objects/object.h"
#include "apiserver/storage/store.h"

namespace skiff {

class WrittenStruct final : public Attached, public std::enable_shared_from_this<WrittenStruct> {
 public:
  // Takes the object, which has been encoded. It is of a built-in kind that is kept as it is sent.
  explicit WrittenStruct(Object object);
  void StoredAt(Revision revision) override;
  const Type& type() const { return type_; }
  // As its text is read, but without managedFields, which caches have none of. Constant once it is
  // stored. Who has it keeps it for those who come to the record.
  std::shared_ptr<const void> Share() const { return {shared_from_this(), object_.get()}; }

 private:
  const Type& type_;
  meta_v1::ObjectMeta* metadata_;
  std::shared_ptr<const void> object_;
};

// nullptr where nobody has it any more.
std::shared_ptr<const WrittenStruct> WrittenStructOf(const KindInfo& kind, const Record& record);

// The same as an object of its own, its managedFields read from the record's text: what ObjectOf
// would read. nullopt where nobody has the struct any more.
std::optional<Object> CopyOfWritten(const KindInfo& kind, const Record& record);

}  // namespace skiff
