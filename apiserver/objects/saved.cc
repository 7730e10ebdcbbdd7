#include "apiserver/objects/saved.h"

#include <utility>

#include "api/codec/handed.h"
#include "api/patch/managed_fields.h"
#include "apiserver/objects/late_write.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/objects/written_struct.h"
#include "base/at_once.h"
#include "base/heap_release.h"

namespace skiff {
namespace {

bool IsTooLarge(const Error& error) {
  constexpr std::string_view kNotSent =
      "rpc error: code = ResourceExhausted desc = trying to send message larger than max";
  return error.message == "etcdserver: request is too large" || error.message.starts_with(kNotSent);
}

}  // namespace

Result<> ShowKept(const ApiRequest& request, const Record& record, Object& object, Saved& saved) {
  if (!request.takes_object || object.is_custom() || !IsSentAsKept(object.kind())) {
    saved.text = TRY(TextOf(object.kind(), record));
    return {};
  }
  const ObjectView view = TRY(ObjectView::Of(record));
  saved.text_bytes = view.body().size();
  object.metadata().resource_version = std::to_string(record.modified.value);
  object.metadata().managed_fields.clear();
  RoundTimes(*object.kind().type, object.raw());
  saved.object = std::move(object).Release();
  return {};
}

Result<Written> PutObject(Store& store, const std::string& key, const Precondition& expect,
                          const Object& object, std::optional<StoredObject> encoded,
                          const std::vector<Unchanged>& relies_on) {
  const auto put = [&](const Object& shown) -> Result<Written> {
    StoredObject stored = encoded ? *std::exchange(encoded, std::nullopt)
                                  : TRY(EncodeForStore(shown));
    NoteWorkOn(stored.value.size());
    return store.Apply({.key = key,
                        .expect = expect,
                        .value = std::move(stored.value),
                        .revision_at = stored.revision_at,
                        .relies_on = relies_on});
  };
  if (IsVoid()) return Fail(WouldWait());
  auto written = put(object);
  if (written || !IsTooLarge(written.error())) return written;
  if (object.metadata().managed_fields.empty()) return written;
  Object smaller = object.Clone();
  smaller.metadata().managed_fields.clear();
  return put(smaller);
}

bool LeaveWrite(ApiRequest& request, const AnswerSaved& later, bool owns, Write write,
                Object& object, Saved saved, std::optional<StoredObject>& encoded) {
  // What an object owns beside itself is kept, or given back, by who waits for the write; and what
  // was booked for it would be booked again by who is served anew.
  if (!later || request.late == nullptr || owns) return false;
  if (!IsSentAsKept(*saved.kind) && !object.is_custom()) return false;
  auto stored = EncodeForStore(object);
  if (!stored) return false;
  // What has to be made of what is kept is not made on a loop of connections.
  const auto view = ObjectView::Of(stored->value);
  if (stored->value.size() > LateWrite::kBytesMax || !view || !IsSentAsKept(*saved.kind, *view)) {
    encoded = *std::move(stored);
    return false;
  }
  write.value = std::move(stored->value);
  write.revision_at = stored->revision_at;
  // For caches of this process, and for who asks.
  std::shared_ptr<WrittenStruct> kept;
  if (request.in_process && !object.is_custom()) {
    kept = std::make_shared<WrittenStruct>(std::move(object));
  }
  write.attached = kept;
  request.late->write = std::move(write);
  request.late->answer = [&request, later, saved,
                          kept](const Written& written) -> Result<http::Response> {
    Saved done = saved;
    done.revision = written.revision;
    if (kept && request.takes_object) {
      // A store that attaches nothing has told it nothing.
      if (written.record->attached.lock() != kept) kept->StoredAt(written.revision);
      done.text_bytes = TRY(ObjectView::Of(*written.record)).body().size();
      done.object = kept->Share();
    } else {
      done.text = TRY(TextOf(*saved.kind, *written.record));
    }
    return later(std::move(done));
  };
  return true;
}

bool IsUnchanged(const Record& record, const Object& old, Object& object) {
  // To write it again is how an object gets into the version that is stored by now.
  if (IsKeptInOldVersion(object.kind(), record)) return false;
  auto& entries = object.metadata().managed_fields;
  if (!SameButForTimes(old.metadata().managed_fields, entries)) return false;
  auto with_new_times = std::exchange(entries, old.metadata().managed_fields);
  // Bytes are compared with those that are stored, where these are what clients see.
  const bool same = IsSentAsKept(object.kind()) ? HoldsText(record, object)
                                                : TextOf(object) == TextOf(old);
  entries = std::move(with_new_times);
  return same;
}

}  // namespace skiff
