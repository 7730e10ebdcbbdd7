// Values as Go programs print them. Kubernetes' error texts are made by Go, and clients compare
// them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/type.h"
#include "api/values.h"

namespace skiff {

// %q of a string: "a\"b", with \n, \x00, \u00a0 where Go writes them so. Bytes that are not UTF-8
// print as \xNN.
std::string GoQuote(std::string_view text);

// As Go's package time quotes what it cannot parse: all but printable ASCII as bytes, \xNN.
std::string GoTimeQuote(std::string_view text);

// strconv.ParseBool: 1, t, T, true, TRUE, True and their opposites; nothing else is either.
std::optional<bool> GoBool(std::string_view text);

// A decimal number as Go's strconv reads it; `function` is the one that its error names: "Atoi",
// "ParseInt".
Result<int64_t> GoInt(std::string_view text, std::string_view function);

// The runes that Go's unicode.IsPrint refuses, with the position of their first byte.
std::vector<std::pair<size_t, char32_t>> UnprintableRunes(std::string_view text);

// encoding/json's compact text: keys of objects sorted; <, > and & as \u003c, \u003e, \u0026.
std::string GoJson(const Json& value);
// The same with the fields of structures in the order of their declaration, as Go writes a struct.
// `value` is a document of that type.
std::string GoJson(const Type& type, const Json& value);

}  // namespace skiff
