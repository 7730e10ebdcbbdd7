// Between generated structs and JSON text, straight by their tables: no document stands between.
//
//   core_v1::Pod pod;
//   TRY(DecodeStruct(core_v1::Pod::Describe(), text, FieldValidation::kStrict, &pod));
//   std::string out;
//   AppendStruct(core_v1::Pod::Describe(), &pod, out);
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/codec/decode.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff {

// What a text said beyond what its struct holds: as in Decoded.
struct TextNotes {
  TypeMeta meta;  // What the text says it is; "" for nothing.
  std::vector<std::string> strict_errors;
  std::vector<std::string> empty_lists;
};

// Reads JSON text into `object`, a fresh struct of that type: what FromJson makes of DecodeJson's
// document, and the same errors. After an error the struct holds part of the text.
Result<TextNotes> DecodeStruct(const Type& type, std::string_view text, FieldValidation validation,
                               void* object);

// Appends compact JSON: what ToJson writes, its members in the order of the table, as Go does.
void AppendStruct(const Type& type, const void* object, std::string& out);
// The same for any value of a table.
void AppendStructValue(const Type& type, const void* value, std::string& out);

// The text of an object of a kind, its resourceVersion left empty. `revision_at` is where the
// digits go.
struct ObjectText {
  std::string text;
  size_t revision_at = std::string::npos;
};
ObjectText EncodeObjectText(const Type& type, const void* object);

// One JSON value without the blanks between its tokens.
void AppendCompact(std::string_view json, std::string& out);

}  // namespace skiff
