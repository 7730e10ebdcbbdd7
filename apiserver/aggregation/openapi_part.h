// What of another server's OpenAPI document of version 2 is about one version of a group, taken out
// of its text: a server may have a thousand other kinds, and the documents of all of them would
// take many times their text. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff {

// So many definitions and parameters are looked for in a text.
inline constexpr size_t kPartsMax = 100'000;

// A document of the paths that begin with `prefix`, and of the definitions and parameters that
// these lead to, as they are written: it is no longer than the text, but for `{"paths":{}}` where
// there are none. Fails where the text is no JSON object, or has too many parts.
Result<std::string> OpenApiPart(std::string_view text, std::string_view prefix);

}  // namespace skiff
