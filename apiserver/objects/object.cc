#include "apiserver/objects/object.h"

#include "api/codec/handed.h"
#include "api/codec/json.h"
#include "api/codec/kept_text.h"
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

Object::Object(const KindInfo& kind, Struct object)
    : kind_(&kind), struct_(std::move(object)), metadata_(MetadataIn(*kind.type, struct_.get())) {}

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

namespace {

// Metadata is read into its struct at once: who owns which field may be most of the text.
Result<> ReadCustom(std::string_view json, meta_v1::ObjectMeta& metadata, Json& content) {
  JsonReader in(json);
  if (in.Next() != JsonToken::kObject) return Fail(Reason::kBadRequest, "not an object");
  std::string_view key;
  while (in.NextKey(key)) {
    if (key == "metadata") {
      const JsonToken token = in.Next();
      const size_t begin = in.begin();
      in.SkipEntered(token);
      if (in.failed() || token != JsonToken::kObject) continue;
      const std::string_view text = json.substr(begin, in.position() - begin);
      TRY(DecodeStruct(meta_v1::ObjectMeta::Describe(), text, FieldValidation::kIgnore, &metadata));
    } else if (key == "apiVersion" || key == "kind") {
      in.Skip();
    } else {
      Json& member = content[std::string(key)];
      member = ReadJson(in, in.Next());
    }
  }
  in.Finish();
  if (in.failed()) return Fail(Reason::kBadRequest, in.error());
  return {};
}

}  // namespace

Result<Object> Object::FromText(const KindInfo& kind, std::string_view json) {
  Object object(kind);
  if (object.is_custom()) {
    TRY(ReadCustom(json, object.metadata(), object.content()));
    return object;
  }
  TRY(DecodeOwnText(*kind.type, json, object.raw()));
  return object;
}

Result<Object> Object::FromStruct(const KindInfo& kind, const void* object) {
  CHECK(kind.type != nullptr && kind.type->ops != nullptr);
  return Object(kind, TRY(CopyAsRead(*kind.type, object)));
}

Object Object::CopyOf(const KindInfo& kind, const void* object) {
  CHECK(kind.type != nullptr && kind.type->ops != nullptr);
  return Object(kind, Struct(kind.type->ops->copy(object), kind.type->ops->destroy));
}

Json Object::ToDocument() const {
  if (struct_) return skiff::ToJson(*kind_->type, struct_.get());
  Json document = content_;
  document["apiVersion"] = kind_->api_version;
  document["kind"] = kind_->kind;
  document["metadata"] = skiff::ToJson(*metadata_);
  return document;
}

Object Object::Clone() const {
  Object copy = struct_ ? CopyOf(*kind_, struct_.get()) : Object(*kind_);
  copy.empty_lists_ = empty_lists_;
  if (is_custom()) {
    *copy.metadata_ = *metadata_;
    copy.content_ = content_;
    copy.lacks_defaults_ = lacks_defaults_;
    copy.misnamed_ = misnamed_;
  }
  return copy;
}

JudgedDocument::JudgedDocument(Object& object)
    : object_(object), document_(std::move(object.content())) {
  CHECK(object.is_custom());
  document_["apiVersion"] = object.kind().api_version;
  document_["kind"] = object.kind().kind;
  auto entries = std::exchange(object.metadata().managed_fields, {});
  document_["metadata"] = skiff::ToJson(object.metadata());
  object.metadata().managed_fields = std::move(entries);
}

JudgedDocument::~JudgedDocument() {
  for (const char* name : {"apiVersion", "kind", "metadata"}) document_.erase(name);
  object_.content() = std::move(document_);
}

}  // namespace skiff
