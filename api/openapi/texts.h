// What the kinds of the schema and their fields are for, in a sentence or two: api/schema/texts.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "api/type.h"

namespace skiff {

// "" for a type that is not of the schema, and for one without fields of its own.
std::string_view TextOf(const Type& type);
// "" for a field that is not of the schema. `field` is one of `type`.
std::string_view TextOf(const Type& type, const Field& field);

// As the schema compiler lays them down: text i of `all` ends at ends[i]. Those of
// BuiltInTypes()[i] are from first[i] on up to first[i + 1]: the type's own, then its fields'.
struct Texts {
  std::string_view all;
  std::span<const uint32_t> ends;
  std::span<const uint16_t> first;
};
const Texts& BuiltInTexts();

}  // namespace skiff
