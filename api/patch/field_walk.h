// What walks over documents and over structs have in common; field_set.h has what they are for.
#pragma once

#include "api/patch/field_set.h"

namespace skiff {

// What an item of a list has where it does not give this key of its; null when the table says
// nothing.
Json KeyDefault(const Field& key);

// Adds what differs below `path`, which leads to both. nullptr: there is nothing; not both.
void CompareDocuments(const Spot& spot, const Json* before, const Json* after,
                      const ElementChain* path, Comparison& out);

// Appends all that CompareStructs goes by with an empty struct and `object`: where that is the same
// of two objects, so is what it comes to. False: it goes by more than is told here.
bool AppendShape(const Type& type, const void* empty, const void* object, std::string& out);
// The same of CheckKept and of Compare with an empty document.
bool AppendShape(const Spot& spot, const Json& empty, const Json& document, std::string& out);

// A longer one is worth nobody's memory.
inline constexpr size_t kShapeBytesMax = 16 << 10;
// How texts and numbers stand in a shape, so that it is seen where they end.
void AppendShapeNumber(size_t number, std::string& out);
void AppendShapeText(std::string_view text, std::string& out);

}  // namespace skiff
