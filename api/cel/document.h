// Documents as values: which value a JSON value is under a schema's type, and how schemas' names of
// properties are written in expressions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/cel/value.h"

namespace skiff::cel {

// What `json` is under `type`; without a type, or under dyn, what JSON itself says.
Kind DocumentKind(const Json& json, const Type* type);
// Of anything but lists, maps and objects. An error value where the document does not fit.
Value ScalarOfDocument(const Json& json, const Type* type);
// The type of the items of a list, of the values of a map; null: plain JSON.
const Type* ItemType(const Type* type);
// Absent for what the object lacks, and for null, which stands for a property left out.
std::optional<Value> FieldOfDocument(const Json& json, const Type& type, std::string_view name);
std::vector<Value> KeysOfDocument(const Json& json, const Type& type);

// "a-b" -> "a__dash__b", "namespace" -> "__namespace__". None: no expression can name it.
std::optional<std::string> EscapeProperty(std::string_view name);

}  // namespace skiff::cel
