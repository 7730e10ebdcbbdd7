// The normal form of documents (api/codec/decode.h), value by value.
#pragma once

#include "api/type.h"
#include "api/values.h"

namespace skiff {

// Whether Go's omitempty leaves a field with this value out.
bool IsEmptyValue(const Json& value, Shape shape);
// Whether a field is written although it is empty: required ones, and structures held by value.
bool IsAlwaysWritten(const Field& field);
// What the field holds when it is absent.
Json ZeroOf(const Field& field);
// Puts a value that is in normal form into its place in `object`, or takes the place away.
void SetMember(Json::object_t& object, const Field& field, Json value);
// Whether values of this type, JSON to all others, hold schemas: the unions in those of a
// CustomResourceDefinition. In protobuf each has a message of its own.
bool IsSchemaUnion(const Type& type);
// Whether values of this type, JSON to all others, count as values: those that a schema has as its
// default, example or enum, whose members Kubernetes sorts.
bool IsSchemaValue(const Type& type);

}  // namespace skiff
