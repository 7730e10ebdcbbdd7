// How an object gets into the store, and what its writer is shown then.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/objects/object.h"
#include "apiserver/request/request_context.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/store.h"
#include "base/error.h"

namespace skiff {

// What a write left behind.
struct Saved {
  const KindInfo* kind;
  std::string text;  // JSON of the object as it is now.
  // The same as its struct, in place of the text, where the request takes that.
  std::shared_ptr<const void> object = nullptr;
  size_t text_bytes = 0;  // Of its text.
  Revision revision;
  bool created = false;
  bool deleted = false;    // The update took the last finalizer of a deleted object.
  bool unchanged = false;  // Nothing was written.
};

// The answer to what was saved: on a loop, where the write is left to the store (late_write.h).
using AnswerSaved = std::function<Result<http::Response>(Saved saved)>;

// What the client is to be shown: what a record holds, which `object` was made of or made into.
Result<> ShowKept(const ApiRequest& request, const Record& record, Object& object, Saved& saved);

// An object that the store finds too large is tried once more without the account of who wrote
// what. `encoded`: what is kept of it, where that is made already.
Result<Written> PutObject(Store& store, const std::string& key, const Precondition& expect,
                          const Object& object, std::optional<StoredObject> encoded,
                          const std::vector<Unchanged>& relies_on = {});

// Leaves the write of `object` to the store, if it may be; true: nothing else is to be done, and
// the object may be taken. `saved`: what it comes to, without what is shown of it. `encoded` gets
// what was made for a write that may not be left.
bool LeaveWrite(ApiRequest& request, const AnswerSaved& later, bool owns, Write write,
                Object& object, Saved saved, std::optional<StoredObject>& encoded);

// Whether two objects differ in nothing but the times of their managedFields: such a write changes
// nothing. `record` holds the old one; `object` is the same afterwards.
bool IsUnchanged(const Record& record, const Object& old, Object& object);

}  // namespace skiff
