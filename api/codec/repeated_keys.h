// Documents, and whether their text said something twice: of nearly all it did not, and nobody has
// to look for where (FindDuplicates in api/patch/patch.h).
#pragma once

#include <string_view>

#include "api/codec/json.h"

namespace skiff {

// As those of api/codec/json.h. `repeats_keys` says whether a key occurs twice in an object, at any
// depth; nothing where the text is refused.
Json ReadJson(JsonReader& in, JsonToken token, bool& repeats_keys);
Result<Json> ParseJson(std::string_view text, bool& repeats_keys);

}  // namespace skiff
