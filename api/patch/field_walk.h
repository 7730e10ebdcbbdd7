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

}  // namespace skiff
