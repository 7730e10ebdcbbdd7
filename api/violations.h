// What is wrong with a document: the causes of a 422 Invalid, in Kubernetes' words
// (k8s.io/apimachinery's field errors).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/field_path.h"
#include "api/values.h"

namespace skiff {

class Violations {
 public:
  // "spec.replicas: Invalid value: -1: must be ..." (values are printed as Kubernetes prints them).
  void Invalid(const FieldPath& path, const Json& value, std::string_view detail);
  // "spec.x: Required value" with ": detail" when there is one.
  void Required(const FieldPath& path, std::string_view detail = "");
  void Duplicate(const FieldPath& path, const Json& value);
  void Forbidden(const FieldPath& path, std::string_view detail);
  void NotFound(const FieldPath& path, const Json& value);
  // `Unsupported value: "x": supported values: "a", "b"`, sorted.
  void NotSupported(const FieldPath& path, const Json& value, std::vector<std::string> supported);
  void TooLong(const FieldPath& path, size_t bytes_max);
  void TooMany(const FieldPath& path, size_t count, size_t count_max);
  void TypeInvalid(const FieldPath& path, const Json& value, std::string_view detail);
  void Internal(const FieldPath& path, std::string_view detail);

  bool empty() const { return causes_.empty(); }
  const std::vector<Cause>& causes() const { return causes_; }
  void Append(const Violations& other);
  // The whole Status error: `Pod "x" is invalid: [a, b]`, 422, details and causes.
  Error ToError(std::string_view group, std::string_view kind, std::string_view name) const;

 private:
  void Add(std::string_view reason, const FieldPath& path, std::string text);
  std::vector<Cause> causes_;  // `message` without the path; ToError puts them together.
};

}  // namespace skiff
