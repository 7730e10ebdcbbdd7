#include "apiserver/policies/request_view.h"

#include "api/codec/typed.h"
#include "api/gen/core_v1.h"
#include "api/kinds/versions.h"

namespace skiff {
namespace {

Json PartsOfObject(const Object& object, const DocumentParts& parts) {
  Json document;
  if (object.is_custom()) {
    document = PartsOf(object.content(), parts);
    if (const auto metadata = parts.members.find("metadata"); metadata != parts.members.end()) {
      document["metadata"] =
          PartsToJson(meta_v1::ObjectMeta::Describe(), &object.metadata(), metadata->second);
    }
  } else {
    document = PartsToJson(*object.kind().type, object.raw(), parts);
  }
  if (parts.members.contains("apiVersion")) document["apiVersion"] = object.kind().api_version;
  if (parts.members.contains("kind")) document["kind"] = object.kind().kind;
  return document;
}

// As a client of `kind` would see it.
Result<Json> ViewAs(const Object& object, const KindInfo& kind, const DocumentParts& parts) {
  // Who goes over the members of the object itself sees them all.
  const bool is_some = !parts.whole && parts.items.empty();
  if (&kind == &object.kind() && is_some) return PartsOfObject(object, parts);
  return DocumentAs(object.kind(), kind, object.ToDocument());
}

}  // namespace

Result<RequestView> ViewOf(const AdmissionRequest& request, const KindInfo& kind,
                           const NamedInputs& named) {
  RequestView view;
  if (request.body != nullptr) {
    view.object = *request.body;
    if (request.old_body != nullptr) view.old_object = *request.old_body;
  } else {
    if (request.object != nullptr) view.object = TRY(ViewAs(*request.object, kind, named.object));
    if (request.old_object != nullptr) {
      view.old_object = TRY(ViewAs(*request.old_object, kind, named.old_object));
    }
  }
  if (named.request) view.request = RequestDocument(request, kind);
  if (named.authorizer) view.resource = RequestedAccess(request);
  return view;
}

Json NamespaceView(const core_v1::Namespace& space) {
  Json document = ToJson(space);
  if (Json& metadata = document["metadata"]; metadata.is_object()) {
    for (const char* hidden : {"managedFields", "ownerReferences", "selfLink"}) {
      metadata.erase(hidden);
    }
  }
  return document;
}

}  // namespace skiff
