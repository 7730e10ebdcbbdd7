#include "apiserver/watches/watch_frame.h"

#include "api/codec/decode.h"
#include "api/codec/protobuf.h"
#include "api/gen/meta_v1.h"
#include "api/kinds/behaviour.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/objects/written_struct.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/object_response.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"
#include "client/watch_stream.h"

namespace skiff {
namespace {

std::string_view NameOf(Change change) {
  switch (change) {
    case Change::kAdded:
      return "ADDED";
    case Change::kModified:
      return "MODIFIED";
    case Change::kDeleted:
      return "DELETED";
  }
  return "";
}

std::string Envelope(std::string_view type, std::string_view object) {
  std::string frame;
  frame.reserve(object.size() + 40);
  frame.append("{\"type\":\"").append(type).append("\",\"object\":").append(object).append("}\n");
  return frame;
}

// One frame of the stream: the object as the watcher wants it, in its envelope.
std::string Framed(const KindInfo& kind, std::string_view type, std::string text,
                   const FrameForm& form);

std::string Shown(const KindInfo& kind, std::string text, const FrameForm& form) {
  if (form.media.target == Target::kPartialMetadata) {
    return PartialMetadataText(text, form.media.target_version);
  }
  if (form.media.target == Target::kTable) {
    return TableText(kind, text, form.now, form.media.target_version, form.include, form.headers);
  }
  return text;
}

std::string Framed(const KindInfo& kind, std::string_view type, std::string text,
                   const FrameForm& form) {
  if (form.media.encoding == Encoding::kProtobuf) {
    return EncodeWatchFrame(type, ProtobufText(kind, text, form.media));
  }
  return Envelope(type, Shown(kind, std::move(text), form));
}

// Of a record as it is.
Result<std::string> RecordFrame(const KindInfo& kind, std::string_view type, const Record& record,
                                const FrameForm& form) {
  // Most are copied once, from where they lie.
  const bool is_copy = form.media.encoding != Encoding::kProtobuf &&
                       form.media.target == Target::kObject && IsSentAsKept(kind);
  if (!is_copy) return Framed(kind, type, TRY(TextOf(kind, record)), form);
  const ObjectView view = TRY(ObjectView::Of(record));
  return Envelope(type, view.body());
}

// The record with another resourceVersion, in the version the watcher asked for.
Result<std::string> TextAtRevision(const KindInfo& kind, const Record& record,
                                   Revision revision) {
  const ObjectView view = TRY(ObjectView::Of(record));
  if (IsSentAsKept(kind, view)) return view.BodyAt(revision);
  Object object = TRY(ObjectOf(kind, record));
  object.metadata().resource_version = std::to_string(revision.value);
  return TextOf(object);
}

}  // namespace

namespace {

// What the watcher last saw of an object that it is told has gone.
const Record& LastSeen(const Event& event) {
  return event.kind == Event::Kind::kDelete ? *event.record : *event.previous;
}

WatchEvent::Type TypeOf(Change change) {
  switch (change) {
    case Change::kAdded:
      return WatchEvent::Type::kAdded;
    case Change::kModified:
      return WatchEvent::Type::kModified;
    case Change::kDeleted:
      return WatchEvent::Type::kDeleted;
  }
  return WatchEvent::Type::kModified;
}

}  // namespace

Result<std::string> EventFrame(const KindInfo& kind, const Event& event, Change change,
                               const FrameForm& form) {
  if (change != Change::kDeleted) return RecordFrame(kind, NameOf(change), *event.record, form);
  // At the revision of the change that took it away.
  std::string text = TRY(TextAtRevision(kind, LastSeen(event), event.revision));
  return Framed(kind, "DELETED", std::move(text), form);
}

std::shared_ptr<const Handed> HandedEventOf(const KindInfo& kind, const Event& event,
                                            Change change) {
  const bool deleted = change == Change::kDeleted;
  // Caches do not change it.
  const auto handed = [&](const std::shared_ptr<const void>& object, std::string version) {
    return std::make_shared<HandedEvent>(WatchEvent{.type = TypeOf(change),
                                                    .object = {},
                                                    .handed = std::const_pointer_cast<void>(object),
                                                    .handed_type = kind.type,
                                                    .resource_version = std::move(version)});
  };
  if (!deleted) {
    if (const auto written = WrittenStructOf(kind, *event.record)) {
      return handed(written->Share(), std::to_string(event.record->modified.value));
    }
  }
  auto object = ObjectOf(kind, deleted ? LastSeen(event) : *event.record);
  if (!object) return nullptr;
  if (deleted) object->metadata().resource_version = std::to_string(event.revision.value);
  // Caches have none.
  std::vector<meta_v1::ManagedFieldsEntry>().swap(object->metadata().managed_fields);
  std::string version = object->metadata().resource_version;
  return handed(std::move(*object).Release(), std::move(version));
}

Result<std::string> AddedFrame(const KindInfo& kind, const Record& record,
                               const FrameForm& form) {
  return RecordFrame(kind, "ADDED", record, form);
}

std::string BookmarkFrame(const KindInfo& kind, Revision revision, bool initial_events_end,
                          const FrameForm& form) {
  Json document =
      kind.type != nullptr && kind.type->ops != nullptr ? ZeroDocument(*kind.type) : Json::object();
  document["metadata"] = Json::object();
  if (kind.behaviour->counts_replicas) document["spec"]["replicas"] = 0;
  if (initial_events_end) {
    document["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  }
  ObjectBody body = BodyText(kind, document);
  body.text.insert(body.revision_at, std::to_string(revision.value));
  return Framed(kind, "BOOKMARK", std::move(body.text), form);
}

std::string ErrorFrame(const Error& error, const FrameForm& form) {
  // What is no Status of its own becomes one.
  if (error.reason == Reason::kUnknown) return ErrorFrame(InternalErrorOf(error.message), form);
  if (form.media.encoding == Encoding::kProtobuf) {
    return EncodeWatchFrame("ERROR", EncodeProtobuf(meta_v1::Status::Describe(), {"v1", "Status"},
                                                    StatusDocument(error)));
  }
  return Envelope("ERROR", StatusText(error));
}

}  // namespace skiff
