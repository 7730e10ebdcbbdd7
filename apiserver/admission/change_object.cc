#include "apiserver/admission/change_object.h"

#include "api/codec/json.h"
#include "api/crd/custom_kind.h"
#include "api/kinds/behaviour.h"
#include "api/patch/managed_fields.h"
#include "api/rules/rules.h"
#include "apiserver/objects/custom_body.h"
#include "apiserver/objects/patching.h"

namespace skiff {
namespace {

// The object as the changed document says, with defaults again.
Result<Object> ObjectFrom(const KindInfo& kind, const Object& before, const Json& changed,
                          std::vector<std::string>& warnings) {
  Object object = TRY(Object::FromDocument(kind, changed));
  if (const auto entries = DecodeManagedFields(changed); !entries) {
    object.metadata().managed_fields = before.metadata().managed_fields;
    warnings.push_back(
        ".metadata.managedFields was in an invalid state after admission; this could be caused by "
        "an outdated mutating admission controller; please fix your requests: " +
        entries.error().message);
  }
  object.empty_lists() = before.empty_lists();
  const Rules& rules = *kind.behaviour->rules;
  if (rules.set_defaults) rules.set_defaults(object.raw());
  return object;
}

}  // namespace

bool FillInChanged(const KindInfo& given, const KindInfo& kind, Json& document) {
  if (!document.is_object()) return true;
  const RuntimeKind* runtime = RuntimeKindOf(given);
  if (runtime != nullptr && runtime->custom != nullptr) {
    Json content = document;
    for (const char* name : {"apiVersion", "kind", "metadata"}) content.erase(name);
    const size_t metadata_bytes = DumpJson(document.value("metadata", Json())).size();
    if (!runtime->custom->FillIn(content, ContentBytesMax(metadata_bytes))) return false;
    document.update(content);
    return true;
  }
  const Rules& rules = *given.behaviour->rules;
  if (given.api_version == kind.api_version || !rules.set_defaults) return true;
  auto object = Object::FromDocument(given, document);
  if (!object) return true;  // It will not become another version either.
  rules.set_defaults(object->raw());
  document = object->ToDocument();
  return true;
}

Result<bool> ChangeObject(AdmissionRequest& request, const Json& document, bool lacks_defaults) {
  Object object = TRY(ObjectFrom(request.kind, *request.object, document, request.warnings));
  object.set_lacks_defaults(lacks_defaults);
  if (request.operation == Operation::kCreate) {
    object.metadata().uid = request.object->metadata().uid;
    object.metadata().creation_timestamp = request.object->metadata().creation_timestamp;
  }
  KeepRawTexts(*request.object, object);
  if (const TypeMeta* self = request.object->misnamed()) object.set_misnamed(*self);
  request.reinvocation.rewritten = true;
  const bool changed = object.ToDocument() != request.object->ToDocument();
  if (changed) *request.object = std::move(object);
  return changed;
}

std::string TextOfObject(const AdmissionRequest& request) {
  if (request.body != nullptr) return DumpJson(*request.body);
  return request.object == nullptr ? "" : DumpJson(request.object->ToDocument());
}

}  // namespace skiff
