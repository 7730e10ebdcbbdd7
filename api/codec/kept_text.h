// Parts of an object that have a type of their own, and are kept in structs as the JSON text of it
// all the same: the schemas of CustomResourceDefinitions. In structs, each property of a schema
// takes more than a kilobyte, of which there may be ten thousand in one schema, and of a definition
// that is written or followed hardly anybody looks into them.
//
// Such a text is always the one that AppendStruct writes, so that equal schemas have equal texts.
#pragma once

#include <string_view>

#include "api/codec/struct_text.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff {

// The type that the text is of, with a struct; nullptr where that is no such part.
const Type* KeptJson(const Type& json);
inline const Type* KeptAsText(const Type& type) {
  return type.shape == Shape::kJson ? KeptJson(type) : nullptr;
}

// The text of a struct of that type.
RawJson KeptTextOf(const Type& kept, const void* object);
// Reads such a text into an empty struct of that type.
void ReadKeptText(const Type& kept, const RawJson& text, void* object);

// DecodeStruct of a text that this program wrote: unknown fields are passed over, and parts kept as
// text are taken as they stand there.
Result<TextNotes> DecodeOwnText(const Type& type, std::string_view text, void* object);

}  // namespace skiff
