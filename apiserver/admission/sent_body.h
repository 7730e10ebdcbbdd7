// The body of a subresource that takes another kind than what it belongs to (a Binding), as plugins
// are shown it: mostly nobody looks at it, or at its struct alone.
//
//   SentBody body(binding, [&] { return ToJson(binding); });
//   admission.body = &body;
//   ... admission.body.As<core_v1::Binding>() or *admission.body ...
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>

#include "api/type.h"
#include "api/values.h"

namespace skiff {

// The document is made for who asks for it first, and counts from then on: the struct is no longer
// asked, nor changed.
class SentBody {
 public:
  // Both outlive this.
  template <typename T>
  SentBody(T& object, std::function<Json()> make)
      : type_(T::Describe()), object_(&object), make_(std::move(make)) {}

  bool has_document() const { return document_.has_value(); }
  Json& Document() {
    if (!document_) document_ = make_();
    return *document_;
  }
  // nullptr: it is of another type, or there is a document.
  template <typename T>
  T* As() {
    const bool counts = !document_ && &type_ == &T::Describe();
    return counts ? static_cast<T*>(object_) : nullptr;
  }

 private:
  const Type& type_;
  void* const object_;
  const std::function<Json()> make_;
  std::optional<Json> document_;
};

// Points to a document, or to a body that makes one.
class BodyPointer {
 public:
  BodyPointer(std::nullptr_t = nullptr) {}              // NOLINT: as a pointer.
  BodyPointer(Json* document) : document_(document) {}  // NOLINT
  BodyPointer(SentBody* sent) : sent_(sent) {}          // NOLINT
  explicit operator bool() const { return document_ != nullptr || sent_ != nullptr; }
  bool operator==(std::nullptr_t) const { return !static_cast<bool>(*this); }
  Json& operator*() const { return sent_ != nullptr ? sent_->Document() : *document_; }
  // As of SentBody; nullptr of a document.
  template <typename T>
  T* As() const {
    return sent_ != nullptr ? sent_->As<T>() : nullptr;
  }

 private:
  Json* document_ = nullptr;
  SentBody* sent_ = nullptr;
};

}  // namespace skiff
