// Made-up documents that use every field of a type, for tests that run over all types. Included by
// tests only.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "api/codec/decode.h"
#include "api/codec/kept_text.h"
#include "api/codec/normal_form.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff {
namespace sample_internal {

class Sampler {
 public:
  explicit Sampler(int salt) : counter_(salt * 100) {}

  Json Value(const Type& type) {
    const int n = ++counter_;
    switch (type.shape) {
      case Shape::kBool:
        return true;
      case Shape::kInt32:
      case Shape::kInt64:
        return n;
      case Shape::kDouble:
        return n + 0.5;
      case Shape::kString:
        return type.values.empty() || type.values[0].empty() ? "text-" + std::to_string(n)
                                                             : std::string(type.values[0]);
      case Shape::kBytes:
        return "AAEC/w==";
      case Shape::kTime:
        return "2026-01-02T03:04:05Z";
      case Shape::kMicroTime:
        return "2026-01-02T03:04:05.678901Z";
      case Shape::kDuration:
        return "1m30s";
      case Shape::kQuantity:
        return std::to_string(n) + "Mi";
      case Shape::kIntOrString:
        return n % 2 == 0 ? Json(n) : Json("port-" + std::to_string(n));
      case Shape::kJson:
        if (const Type* kept = KeptAsText(type)) return Struct(*kept);
        // A schema, or something else.
        if (IsSchemaUnion(type)) {
          return {{"description", "text-" + std::to_string(n)}};
        }
        return {{"any", {n, "thing", nullptr}}};
      case Shape::kStruct:
        return Struct(type);
      case Shape::kList: {
        Json list = Json::array();
        for (int i = 0; i <= n % 2; ++i) list.push_back(Value(*type.element));
        return list;
      }
      case Shape::kMap:
        return {{"key-" + std::to_string(n), Value(*type.element)},
                {"other", Value(*type.element)}};
    }
    return nullptr;
  }

 private:
  Json Struct(const Type& type) {
    // JSON Schema nests in itself.
    if (std::find(inside_.begin(), inside_.end(), &type) != inside_.end()) {
      return ZeroDocument(type);
    }
    inside_.push_back(&type);
    Json object = Json::object();
    if (type.type_meta) {
      object["kind"] = std::string(type.name);
      object["apiVersion"] = type.api_version == "meta/v1" ? "v1" : std::string(type.api_version);
    }
    for (const Field& field : type.fields) {
      object[std::string(field.name)] = Value(*field.type);
    }
    inside_.pop_back();
    return object;
  }

  int counter_;
  std::vector<const Type*> inside_;
};

}  // namespace sample_internal

// In normal form; every field is present and not empty, but for structures inside themselves.
// `salt` varies the values and the lengths of lists.
inline Json SampleDocument(const Type& type, int salt) {
  return sample_internal::Sampler(salt).Value(type);
}

}  // namespace skiff
