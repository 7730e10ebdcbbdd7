// Between generated structs and documents, by their tables.
//
//   const auto pod = TRY(FromJson<core_v1::Pod>(document));
//   Json document = ToJson(pod);
#pragma once

#include <memory>

#include "api/type.h"
#include "api/values.h"

namespace skiff {

// A generated struct of an API type. Object kinds also have Info().
template <typename T>
concept ApiType = requires {
  { T::Describe() } -> std::same_as<const Type&>;
};
// A kind that is served as a resource.
template <typename T>
concept Kind = ApiType<T> && requires(T object) {
  { T::Info() } -> std::same_as<const KindInfo&>;
  object.metadata;
};

// Written as Kubernetes writes it: empty fields are left out unless the schema says `always`;
// structures held by value are always there; kinds begin with apiVersion and kind.
Json ToJson(const Type& type, const void* object);
// The same for any value of a table.
Json ValueToJson(const Type& type, const void* value);
// Unknown fields are passed over. Fails with Go's text of an unmarshalling error on a wrong type.
// `object` is a fresh struct of that type.
Result<> FromJson(const Type& type, const Json& document, void* object);

template <ApiType T>
Json ToJson(const T& object) {
  return ToJson(T::Describe(), &object);
}
template <ApiType T>
Result<T> FromJson(const Json& document) {
  T object;
  TRY(FromJson(T::Describe(), document, &object));
  return object;
}

}  // namespace skiff
