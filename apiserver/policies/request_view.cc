#include "apiserver/policies/request_view.h"

#include "api/codec/typed.h"
#include "api/gen/core_v1.h"
#include "api/kinds/versions.h"

namespace skiff {
namespace {

// As a client of `kind` would see it.
Result<Json> ViewAs(const Object& object, const KindInfo& kind) {
  return DocumentAs(object.kind(), kind, object.ToDocument());
}

}  // namespace

Result<RequestView> ViewOf(const AdmissionRequest& request, const KindInfo& kind) {
  RequestView view;
  if (request.body != nullptr) {
    view.object = *request.body;
    if (request.old_body != nullptr) view.old_object = *request.old_body;
  } else {
    if (request.object != nullptr) view.object = TRY(ViewAs(*request.object, kind));
    if (request.old_object != nullptr) {
      view.old_object = TRY(ViewAs(*request.old_object, kind));
    }
  }
  view.request = RequestDocument(request, kind);
  view.resource = RequestedAccess(request);
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
