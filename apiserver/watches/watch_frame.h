// What one watch event looks like on the wire, for each form a client may ask for.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/text/table.h"
#include "api/type.h"
#include "api/values.h"
#include "apiserver/request/media.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/handed.h"

namespace skiff {

// What the watcher is told has happened to an object; a selector can make an object appear.
enum class Change : uint8_t { kAdded, kModified, kDeleted };

// How one watcher wants its objects.
struct FrameForm {
  MediaType media;
  TimePoint now = {};  // Of Tables: ages are told as of this moment.
  IncludeObject include = IncludeObject::kMetadata;
  bool headers = true;  // Of Tables: the first event alone has columns.
};

// One event in one form. Fails where the object cannot be read as one of the kind. What is here
// parses whole objects: loops of connections ask a FrameMaker (shared_frames.h).
Result<std::string> EventFrame(const KindInfo& kind, const Event& event, Change change,
                               const FrameForm& form);
// The same event for a reader in this process; nullptr where the record cannot be read.
std::shared_ptr<const Handed> HandedEventOf(const KindInfo& kind, const Event& event,
                                            Change change);
// An object of the initial state; fails likewise.
Result<std::string> AddedFrame(const KindInfo& kind, const Record& record, const FrameForm& form);
std::string BookmarkFrame(const KindInfo& kind, Revision revision, bool initial_events_end,
                          const FrameForm& form);
std::string ErrorFrame(const Error& error, const FrameForm& form);

}  // namespace skiff
