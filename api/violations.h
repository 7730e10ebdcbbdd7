// What is wrong with a document: the causes of a 422 Invalid, in Kubernetes' words
// (k8s.io/apimachinery's field errors).
//
//   Violations out;
//   out.Invalid(path.Child("replicas"), -1, "must be greater than or equal to 0");
//   if (!out.empty()) return Fail(out.ToError("apps", "Deployment", name));
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec/typed.h"
#include "api/select/field_path.h"
#include "api/values.h"

namespace skiff {

// The text of a value in an error, where a plain document does not print as Kubernetes prints it:
// a struct shows its fields in the order of their declaration, and a few texts are Go's own.
class Printed {
 public:
  template <ApiType T>
  Printed(const T& object)  // NOLINT: a struct prints as itself.
      : text_(Struct(T::Describe(), &object)) {}
  template <ApiType T>
  Printed(const std::vector<T>& list) : text_("[") {  // NOLINT
    for (const T& object : list) {
      if (text_.size() > 1) text_ += ',';
      text_ += Struct(T::Describe(), &object);
    }
    text_ += ']';
  }
  // Exactly this text.
  static Printed Verbatim(std::string text) { return Printed(std::move(text), 0); }
  // The error mentions no value at all.
  static Printed Nothing() { return Printed("", 0); }

  const std::string& text() const { return text_; }

 private:
  Printed(std::string text, int) : text_(std::move(text)) {}
  static std::string Struct(const Type& type, const void* object);
  std::string text_;
};

class Violations {
 public:
  Violations() = default;
  // `sent_empty`: JSON pointers of the lists that were sent as [], where the object was read of a
  // body. A struct does not tell these from lists that are not there, but what Go prints of it
  // does.
  explicit Violations(std::span<const std::string> sent_empty) : sent_empty_(sent_empty) {}

  // "spec.replicas: Invalid value: -1: must be ...". Strings print quoted, numbers and booleans
  // plain, all else as compact JSON with sorted keys.
  void Invalid(const FieldPath& path, const Json& value, std::string_view detail);
  void Invalid(const FieldPath& path, const Printed& value, std::string_view detail);
  // Of what would not be listed nothing is copied or printed: one text may be wrong in very many
  // places, and a list for each of its items. The same below.
  template <std::same_as<std::string> T>
  void Invalid(const FieldPath& path, const T& value, std::string_view detail) {
    if (!full()) Invalid(path, Json(value), detail);
  }
  template <ApiType T>
  void Invalid(const FieldPath& path, const T& value, std::string_view detail) {
    if (!full()) Invalid(path, Printed(value), detail);
  }
  template <ApiType T>
  void Invalid(const FieldPath& path, const std::vector<T>& value, std::string_view detail) {
    if (!full()) Invalid(path, Printed(value), detail);
  }
  // One Invalid for each message.
  void InvalidEach(const FieldPath& path, const Json& value,
                   const std::vector<std::string>& messages);
  template <std::same_as<std::string> T>
  void InvalidEach(const FieldPath& path, const T& value,
                   const std::vector<std::string>& messages) {
    if (!messages.empty() && !full()) InvalidEach(path, Json(value), messages);
  }
  // "spec.x: Required value" with ": detail" when there is one.
  void Required(const FieldPath& path, std::string_view detail = "");
  void Duplicate(const FieldPath& path, const Json& value, std::string_view detail = "");
  void Duplicate(const FieldPath& path, const Printed& value, std::string_view detail = "");
  template <std::same_as<std::string> T>
  void Duplicate(const FieldPath& path, const T& value, std::string_view detail = "") {
    if (!full()) Duplicate(path, Json(value), detail);
  }
  void Forbidden(const FieldPath& path, std::string_view detail);
  void NotFound(const FieldPath& path, const Json& value, std::string_view detail = "");
  template <std::same_as<std::string> T>
  void NotFound(const FieldPath& path, const T& value, std::string_view detail = "") {
    if (!full()) NotFound(path, Json(value), detail);
  }
  // `Unsupported value: "x": supported values: "a", "b"`, in the order given (Kubernetes mostly
  // sorts, but not everywhere).
  void NotSupported(const FieldPath& path, const Json& value,
                    const std::vector<std::string>& supported);
  void NotSupported(const FieldPath& path, const Printed& value,
                    const std::vector<std::string>& supported);
  // "Too long: may not be more than 63 bytes". What a schema gives as its limit may be negative,
  // and is not told then. The same below.
  void TooLong(const FieldPath& path, int64_t bytes_max);
  // "Too many: 5: must have at most 4 items".
  void TooMany(const FieldPath& path, size_t count, int64_t count_max);
  // As Invalid, with reason FieldValueTypeInvalid.
  void TypeInvalid(const FieldPath& path, const Json& value, std::string_view detail);
  void Internal(const FieldPath& path, std::string_view detail);

  std::span<const std::string> sent_empty() const { return sent_empty_; }
  bool WasSentEmpty(std::string_view pointer) const {
    return std::ranges::find(sent_empty_, pointer) != sent_empty_.end();
  }
  bool empty() const { return causes_.empty(); }
  // Nothing more is listed: whoever takes long to find more may stop.
  bool full() const;
  // `message` is without the path: "Invalid value: -1: must be ...".
  const std::vector<Cause>& causes() const { return causes_; }
  void Append(const Violations& other);
  // All of them in one line, "a" or "[a, b]", each text once.
  std::string Text() const;
  // The whole Status error: `Pod "x" is invalid: [a, b]`, 422, details and causes.
  Error ToError(std::string_view group, std::string_view kind, std::string_view name) const;

 private:
  void Add(std::string_view reason, const FieldPath& path, std::string text);
  void AddValue(std::string_view reason, std::string_view label, const FieldPath& path,
                std::string_view value, std::string_view detail);
  std::span<const std::string> sent_empty_;
  std::vector<Cause> causes_;
};

}  // namespace skiff
