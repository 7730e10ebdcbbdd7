#include "apiserver/objects/object.h"

#include "api/codec/handed.h"
#include "api/codec/json.h"
#include "api/codec/struct_text.h"
#include "api/codec/typed.h"
#include "base/error.h"

namespace skiff {
namespace {

void DestroyNothing(void*) {}

meta_v1::ObjectMeta* MetadataIn(const Type& type, void* object) {
  const Field* field = type.Find("metadata");
  CHECK(field != nullptr);
  return reinterpret_cast<meta_v1::ObjectMeta*>(static_cast<char*>(object) + field->offset);
}

}  // namespace

Object::Object(const KindInfo& kind) : kind_(&kind), struct_(nullptr, &DestroyNothing) {
  if (kind.type != nullptr && kind.type->ops != nullptr) {
    struct_ = {kind.type->ops->create(), kind.type->ops->destroy};
    metadata_ = MetadataIn(*kind.type, struct_.get());
  } else {
    own_metadata_ = std::make_unique<meta_v1::ObjectMeta>();
    metadata_ = own_metadata_.get();
    content_ = Json::object();
  }
}

Result<Object> Object::FromDocument(const KindInfo& kind, const Json& document) {
  if (kind.type == nullptr || kind.type->ops == nullptr) return FromDocument(kind, Json(document));
  Object object(kind);
  TRY(skiff::FromJson(*kind.type, document, object.struct_.get()));
  return object;
}

Result<Object> Object::FromDocument(const KindInfo& kind, Json&& document) {
  Object object(kind);
  if (object.struct_) return FromDocument(kind, std::as_const(document));
  object.content_ = std::move(document);
  object.content_.erase("apiVersion");
  object.content_.erase("kind");
  if (const auto metadata = object.content_.find("metadata"); metadata != object.content_.end()) {
    if (metadata->is_object()) {
      TRY(skiff::FromJson(meta_v1::ObjectMeta::Describe(), *metadata, object.metadata_));
    }
    object.content_.erase("metadata");
  }
  return object;
}

Result<Object> Object::FromText(const KindInfo& kind, std::string_view json) {
  Object object(kind);
  if (object.is_custom()) return FromDocument(kind, TRY(ParseJson(json)));
  TRY(DecodeStruct(*kind.type, json, FieldValidation::kIgnore, object.raw()));
  return object;
}

Result<Object> Object::FromStruct(const KindInfo& kind, const void* object) {
  Object copy(kind);
  CHECK(!copy.is_custom());
  copy.struct_ = TRY(CopyAsRead(*kind.type, object));
  copy.metadata_ = MetadataIn(*kind.type, copy.raw());
  return copy;
}

Json Object::ToDocument() const {
  if (struct_) return skiff::ToJson(*kind_->type, struct_.get());
  Json document = content_;
  document["apiVersion"] = kind_->api_version;
  document["kind"] = kind_->kind;
  document["metadata"] = skiff::ToJson(*metadata_);
  return document;
}

Json Object::ToJudgedDocument() const {
  CHECK(is_custom());
  Json document = content_;
  document["apiVersion"] = kind_->api_version;
  document["kind"] = kind_->kind;
  meta_v1::ObjectMeta metadata = *metadata_;
  metadata.managed_fields.clear();
  document["metadata"] = skiff::ToJson(metadata);
  return document;
}

Object Object::Clone() const {
  Object copy(*kind_);
  copy.empty_lists_ = empty_lists_;
  if (struct_) {
    copy.struct_.reset(kind_->type->ops->copy(struct_.get()));
    copy.metadata_ = MetadataIn(*kind_->type, copy.struct_.get());
  } else {
    *copy.metadata_ = *metadata_;
    copy.content_ = content_;
  }
  return copy;
}

}  // namespace skiff
