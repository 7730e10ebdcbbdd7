// A decoded object on its way through the server: the generated struct of a built-in kind, or the
// document of a custom resource, which has no struct. Metadata is typed either way.
//
//   Object pod = TRY(Object::FromDocument(kind, document));
//   pod.metadata().labels["a"] = "b";
//   if (auto* typed = pod.As<core_v1::Pod>()) typed->spec...
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/codec/decode.h"
#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff {

class Object {
 public:
  // Empty, of that kind. `kind` outlives the object.
  explicit Object(const KindInfo& kind);
  Object(Object&&) noexcept = default;
  Object& operator=(Object&&) noexcept = default;

  static Result<Object> FromDocument(const KindInfo& kind, const Json& document);
  static Result<Object> FromDocument(const KindInfo& kind, Json&& document);
  // Of JSON text that this server made: unknown fields are passed over.
  static Result<Object> FromText(const KindInfo& kind, std::string_view json);
  // Of a struct that a part of this process made, as its text would have been read. The kind is
  // built in.
  static Result<Object> FromStruct(const KindInfo& kind, const void* object);
  // The same of a struct that this server read, or made to be read.
  static Object CopyOf(const KindInfo& kind, const void* object);
  // Begins with apiVersion and kind.
  Json ToDocument() const;
  Object Clone() const;

  const KindInfo& kind() const { return *kind_; }
  meta_v1::ObjectMeta& metadata() { return *metadata_; }
  const meta_v1::ObjectMeta& metadata() const { return *metadata_; }

  // nullptr when the object is of another kind. Kinds served in two versions are two kinds.
  template <Kind T>
  T* As() {
    return kind_->type == &T::Describe() ? static_cast<T*>(struct_.get()) : nullptr;
  }
  template <Kind T>
  const T* As() const {
    return const_cast<Object*>(this)->As<T>();
  }
  // The struct; nullptr for a custom resource.
  void* raw() { return struct_.get(); }
  const void* raw() const { return struct_.get(); }
  // What TextNotes::empty_lists said of the body that this was made of; lost when it is stored.
  std::vector<std::string>& empty_lists() { return empty_lists_; }
  const std::vector<std::string>& empty_lists() const { return empty_lists_; }
  bool is_custom() const { return struct_ == nullptr; }
  // The struct; nullptr for a custom resource. Nothing else is left.
  std::shared_ptr<void> Release() && { return std::move(struct_); }
  // A custom resource without its metadata, apiVersion and kind.
  Json& content() { return content_; }
  const Json& content() const { return content_; }
  // Of a custom resource: it has, or may be kept with, none of the defaults that it lacks, since
  // with all of them it would be larger than a record may be (kObjectBytesMax). Only what was kept
  // before its schema had those may be so, and what is made of that. Lost in a document.
  bool lacks_defaults() const { return lacks_defaults_; }
  void set_lacks_defaults(bool lacks) { lacks_defaults_ = lacks; }
  // What a custom resource that was sent calls itself, where that is another kind or version than
  // its own; nullptr where it does not. Who writes its status need not mind. Lost in a document.
  const TypeMeta* misnamed() const { return misnamed_ ? &*misnamed_ : nullptr; }
  void set_misnamed(TypeMeta self) { misnamed_ = std::move(self); }

 private:
  using Struct = std::unique_ptr<void, void (*)(void*)>;
  // Of a built-in kind, which has that struct.
  Object(const KindInfo& kind, Struct object);

  const KindInfo* kind_;
  Struct struct_;
  std::unique_ptr<meta_v1::ObjectMeta> own_metadata_;  // Of a custom resource.
  meta_v1::ObjectMeta* metadata_;
  Json content_;
  bool lacks_defaults_ = false;
  std::optional<TypeMeta> misnamed_;
  std::vector<std::string> empty_lists_;
};

// A custom resource as one document, but for managedFields, of which no schema and no rule says
// anything. Its content moves in here and, at the end, back, so that nothing is copied: meanwhile
// nobody looks for it in the object.
class JudgedDocument {
 public:
  explicit JudgedDocument(Object& object);
  ~JudgedDocument();
  JudgedDocument(const JudgedDocument&) = delete;
  JudgedDocument& operator=(const JudgedDocument&) = delete;
  const Json& operator*() const { return document_; }

 private:
  Object& object_;
  Json document_;
};

}  // namespace skiff
