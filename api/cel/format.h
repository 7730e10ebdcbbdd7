// "%d of %s".format([1, 'a']): strings made of values.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/cel/value.h"

namespace skiff::cel {

// A clause's value, or an error to say in its place.
using ClauseText = std::function<Value(size_t index, char clause, int precision)>;

// What there is to show: values, or the expressions of a list that is written out, of which cel-go
// tells that they are too few only where something follows the '%'.
struct ClauseItems {
  size_t count = 0;
  bool are_written = false;
};

// The string, or an error value. `text` gives what stands for the clause numbered `index`, which
// there is, as a string; precision is below zero where none is given.
Value ExpandFormat(std::string_view format, const ClauseItems& items, const ClauseText& text);

Value FormatValue(const Value& value, char clause, int precision);
// The error of a clause that does not take what it is given.
Value UnfitForClause(char clause, std::string_view type);

}  // namespace skiff::cel
