#include "apiserver/policies/request_view.h"

#include <algorithm>

#include "api/codec/typed.h"
#include "api/gen/core_v1.h"
#include "api/kinds/versions.h"
#include "apiserver/admission/rule_match.h"
#include "apiserver/policies/struct_lens.h"
#include "apiserver/request/api_errors.h"

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

// The part of a namespace that expressions see.
Json NamespaceView(const core_v1::Namespace& space) {
  Json document = ToJson(space);
  if (Json& metadata = document["metadata"]; metadata.is_object()) {
    for (const char* hidden : {"managedFields", "ownerReferences", "selfLink"}) {
      metadata.erase(hidden);
    }
  }
  return document;
}

cel::Value ValueOf(const Object* seen, const Json& document) {
  return seen != nullptr ? ShowStruct(*seen->kind().type, seen->raw())
                         : cel::Value::Document(document);
}

}  // namespace

cel::Value RequestView::ObjectValue() const {
  return ValueOf(seen_object, object);
}

cel::Value RequestView::OldObjectValue() const {
  return ValueOf(seen_old_object, old_object);
}

Result<> FillView(const AdmissionRequest& request, const KindInfo& kind, const NamedInputs& named,
                  bool sees_structs, RequestView& view) {
  const auto show = [&](const Object* given, const DocumentParts& parts, const Object*& seen,
                        Json& document) -> Result<> {
    if (given == nullptr) return {};
    if (sees_structs && !given->is_custom() && &given->kind() == &kind) {
      seen = given;
    } else {
      document = TRY(ViewAs(*given, kind, parts));
    }
    return {};
  };
  if (request.body != nullptr) {
    view.object = *request.body;
    if (request.old_body != nullptr) view.old_object = *request.old_body;
  } else {
    TRY(show(request.object, named.object, view.seen_object, view.object));
    TRY(show(request.old_object, named.old_object, view.seen_old_object, view.old_object));
  }
  if (named.request) view.request = RequestDocument(request, kind);
  if (named.authorizer) view.resource = RequestedAccess(request);
  return {};
}

Result<RequestView> ViewOf(const AdmissionRequest& request, const KindInfo& kind,
                           const NamedInputs& named) {
  RequestView view;
  TRY(FillView(request, kind, named, false, view));
  return view;
}

bool SeenKinds::Has(const KindInfo& kind, const NamedInputs& named) const {
  // Tables of other kinds go some day, and have no structs.
  if (RuntimeKindOf(kind) != nullptr) return false;
  const Type* type = kind.type;
  // Of most policies always the same one.
  if (shown_.load(std::memory_order_relaxed) == type) return true;
  const MutexLock lock(mutex_);
  auto known = std::ranges::find(known_, type, &std::pair<const Type*, bool>::first);
  if (known == known_.end()) {
    const bool has = IsSeenAsItLies(*type, named.object) && IsSeenAsItLies(*type, named.old_object);
    known = known_.emplace(known, type, has);
  }
  if (known->second) shown_.store(type, std::memory_order_relaxed);
  return known->second;
}

Result<> RequestNamespace::LookAt(bool named) {
  if (looked_ && (named_ || !named)) return {};
  looked_ = true;
  named_ = named;
  if (request_.namespace_name.empty() || IsNamespaces(request_.kind)) return {};
  const auto space = TRY(caches_.namespaces.FindOrRead("", request_.namespace_name));
  if (!space) return Fail(NotFoundError({"", "namespaces"}, request_.namespace_name));
  if (named) view_ = NamespaceView(*space);
  return {};
}

}  // namespace skiff
