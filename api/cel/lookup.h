// What stands in a value under a name, a key or a number, of whatever kind the value is. Pure.
#pragma once

#include <string_view>

#include "api/cel/value.h"

namespace skiff::cel {

// What cel-go calls the kind of a value where it refuses one.
const char* GoKind(const Value& value);

// Whether operand[key] may be asked of any operand; NoQualifier says why not.
bool IsQualifier(const Value& key);
Value NoQualifier(const Value& key);

// operand.name and operand[key]; `optional`: what is absent is none, not an error.
Value SelectField(const Value& operand, std::string_view name);
Value HasField(const Value& operand, std::string_view name);
Value IndexValue(const Value& operand, const Value& key);
Value OptionalLookUp(const Value& operand, const Value& key, bool field);

}  // namespace skiff::cel
