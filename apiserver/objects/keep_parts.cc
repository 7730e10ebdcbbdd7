#include "apiserver/objects/keep_parts.h"

#include "api/codec/go_equal.h"

namespace skiff {
namespace {

bool HasStatus(const KindInfo& kind) {
  return kind.FindSubresource("status") != nullptr;
}

void Put(Json& document, const char* name, const Json& from) {
  const auto found = from.find(name);
  if (found == from.end()) {
    document.erase(name);
  } else {
    document[name] = *found;
  }
}

// Puts a changed document in the place of the object; it was made of objects of this kind.
void Replace(Object& object, const Json& document) {
  auto decoded = Object::FromDocument(object.kind(), document);
  if (decoded) object = std::move(*decoded);
}

}  // namespace

void ClearStatusOf(Object& object) {
  if (object.is_custom()) {
    if (HasStatus(object.kind())) object.content().erase("status");
  } else if (HasStatus(object.kind())) {
    Json document = object.ToDocument();
    if (document.erase("status") > 0) Replace(object, document);
  }
  object.metadata().generation = 1;
}

void KeepStatusOf(Object& object, const Object& old) {
  if (object.is_custom()) {
    if (HasStatus(object.kind())) Put(object.content(), "status", old.content());
    const bool same = EqualInGo(object.content(), old.content());
    object.metadata().generation = old.metadata().generation + (same ? 0 : 1);
    return;
  }
  Json document = object.ToDocument();
  Json before = old.ToDocument();
  if (HasStatus(object.kind())) {
    Put(document, "status", before);
    Replace(object, document);
  }
  document.erase("metadata");
  document.erase("status");
  before.erase("metadata");
  before.erase("status");
  object.metadata().generation = old.metadata().generation + (document == before ? 0 : 1);
}

void KeepAllButStatus(Object& object, const Object& old) {
  if (object.is_custom()) {
    Json content = old.content();
    Put(content, "status", object.content());
    object.content() = std::move(content);
    meta_v1::ObjectMeta metadata = old.metadata();
    metadata.managed_fields = std::move(object.metadata().managed_fields);
    metadata.resource_version = object.metadata().resource_version;
    object.metadata() = std::move(metadata);
    return;
  }
  const Json given = object.ToDocument();
  Json document = old.ToDocument();
  Put(document, "status", given);
  const auto managed = object.metadata().managed_fields;
  const std::string version = object.metadata().resource_version;
  Replace(object, document);
  object.metadata().managed_fields = managed;
  object.metadata().resource_version = version;
}

}  // namespace skiff
