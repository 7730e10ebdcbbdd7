// "%d of %s".format([1, 'a']): strings made of values.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/cel/value.h"

namespace skiff::cel {

// A clause's value, or an error to say in its place.
using ClauseText = std::function<Value(size_t index, char clause, int precision)>;

// The string, or an error value. `text` gives what stands for the clause numbered `index`, as a
// string; precision is below zero where none is given.
Value ExpandFormat(std::string_view format, const ClauseText& text);

Value FormatValue(const Value& value, char clause, int precision);

}  // namespace skiff::cel
