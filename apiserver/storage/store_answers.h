// What every backend of the store says in the same words, and makes in the same way.
#pragma once

#include <string_view>

#include "apiserver/storage/store.h"
#include "base/error.h"

namespace skiff {

// kTimeout, with the cause by which clients know it.
Error TooLargeForStore(Revision asked, Revision current);
Error ListExpired();
Error WatchExpired();
Error NoSuchKey(std::string_view key);
Error KeyExists(std::string_view key);
Error WrongRevision(std::string_view key, Revision found, Revision expected);
// Something that a write relies on is not as it was.
Error ReliesOnChanged(std::string_view key);

// What the key of a write must be; crashes when revision_at lies outside of the value.
Result<> CheckWrite(const Write& write);

// What of `expect` does not hold where `current`, nullptr for nothing, is under the key.
Result<> CheckPrecondition(const Write& write, const RecordPtr& current);

// What happened to a key that was `previous` before; nullptr: it did not exist.
std::shared_ptr<Event> MakeEvent(Event::Kind kind, Revision revision, RecordPtr record,
                                 RecordPtr previous);
// For a previous version that is left out.
std::shared_ptr<Event> MakeEvent(Event::Kind kind, Revision revision, bool existed,
                                 RecordPtr record, RecordPtr previous);

}  // namespace skiff
