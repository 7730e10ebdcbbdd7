#include "apiserver/objects/track_fields.h"

#include <algorithm>

#include "api/codec/typed.h"
#include "api/crd/custom_kind.h"
#include "api/patch/managed_fields.h"
#include "apiserver/objects/kind_versions.h"

namespace skiff {
namespace {

// Gives the document back the lists that were sent as [], as far as it shows that they are empty.
void RestoreEmptyLists(const Object& object, Json& document) {
  for (const std::string& place : object.empty_lists()) {
    const Json::json_pointer pointer(place);
    const bool shown = document.contains(pointer) && document[pointer].is_null();
    if (shown || place == "/metadata/managedFields") document[pointer] = Json::array();
  }
}

// The same of a custom resource, where [] in its metadata is nothing: Kubernetes, too, reads that
// into a struct first.
void TrackCustomFields(const FieldWriter& writer, Object* old, Object& object) {
  const std::vector<meta_v1::ManagedFieldsEntry> none;
  const Type& type = crd::WholeType(object.kind());
  const JudgedDocument document(object);
  std::optional<JudgedDocument> before;
  if (old != nullptr) before.emplace(*old);
  const Json zero = old == nullptr ? ZeroDocument(type) : Json();
  UpdateManagedFields(type,
                      {.live = before ? **before : zero,
                       .object = *document,
                       .live_entries = old == nullptr ? none : old->metadata().managed_fields,
                       .entries = object.metadata().managed_fields},
                      writer);
}

// The same where documents are needed of structs: where [] is not the same as nothing.
Result<> TrackFieldsOfDocument(const FieldWriter& writer, const Object* old, Object& object) {
  const KindInfo& kind = object.kind();
  Json document = object.ToDocument();
  RestoreEmptyLists(object, document);
  const Type& type = *kind.type;
  UpdateManagedFields(type, old ? old->ToDocument() : ZeroDocument(type), document, writer);
  const Json metadata = document.value("metadata", Json::object());
  object.metadata().managed_fields.clear();
  for (const Json& entry : metadata.value("managedFields", Json::array())) {
    auto decoded = TRY(FromJson<meta_v1::ManagedFieldsEntry>(entry));
    object.metadata().managed_fields.push_back(std::move(decoded));
  }
  return {};
}

// Whether somebody wrote the object through another version than the one it is seen as.
bool HasOtherVersions(const Object& object) {
  const auto& entries = object.metadata().managed_fields;
  return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
    return entry.api_version != object.kind().api_version;
  });
}

}  // namespace

Result<> TrackFields(const std::string& subresource, const ApiRequest& request,
                     const WriteOptions& options, Object* old, Object& object) {
  const KindInfo& kind = object.kind();
  const std::string manager = ManagerOf(options, request.http);
  const KindVersions versions(kind);
  const FieldWriter writer{.manager = manager,
                           .api_version = kind.api_version,
                           .subresource = subresource,
                           .now = request.now,
                           .reset = ResetFieldsOf(kind, subresource),
                           .versions = &versions};
  if (object.is_custom()) {
    TrackCustomFields(writer, old, object);
    return {};
  }
  if (!object.empty_lists().empty() || HasOtherVersions(object) ||
      (old != nullptr && HasOtherVersions(*old))) {
    return TrackFieldsOfDocument(writer, old, object);
  }
  UpdateManagedFields(*kind.type, old ? old->raw() : nullptr, object.raw(), writer);
  return {};
}

}  // namespace skiff
