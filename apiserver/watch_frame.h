// What one watch event looks like on the wire, for each form a client may ask for.
#pragma once

#include <string>
#include <string_view>

#include "api/table.h"
#include "api/type.h"
#include "api/values.h"
#include "apiserver/media.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "http/stream.h"

namespace skiff {

// What the watcher is told has happened to an object; a selector can make an object appear.
enum class Change : uint8_t { kAdded, kModified, kDeleted };

// The slots of Event::frames, claimed here and nowhere else: JSON of whole objects and of metadata,
// as the event happened and as a selector shows it.
enum class FrameSlot : uint8_t {
  kObjectNatural = 0,  // ADDED, MODIFIED or DELETED as the store saw it
  kObjectEntered,      // ADDED of an object that changed into the selection
  kObjectLeft,         // DELETED of one that changed out of it
  kMetadataNatural,
  kMetadataEntered,
  kMetadataLeft,
  kProtobufNatural,  // Whole objects, as the event happened.
  kProtobufMetadataNatural,
};

// How one watcher wants its objects.
struct FrameForm {
  MediaType media;
  TimePoint now = {};  // Of Tables: ages are told as of this moment.
  IncludeObject include = IncludeObject::kMetadata;
  bool headers = true;  // Of Tables: the first event alone has columns.
};

// One event in one form; shared by all watchers that want the same.
http::SharedBytes FrameOf(const KindInfo& kind, const Event& event, Change change,
                          const FrameForm& form);
// An object of the initial state.
std::string AddedFrame(const KindInfo& kind, const Record& record, const FrameForm& form);
std::string BookmarkFrame(const KindInfo& kind, Revision revision, bool initial_events_end,
                          const FrameForm& form);
std::string ErrorFrame(const Error& error, const FrameForm& form);

}  // namespace skiff
