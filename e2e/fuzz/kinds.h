// The kinds whose types together have every shape that the tables know, and what is fuzzed with
// them.
#pragma once

#include <span>

#include "api/type.h"
#include "api/values.h"

namespace skiff::fuzz {

std::span<const Type* const> Kinds();
const KindInfo& KindOf(const Type& type);
// An object of that kind, as patches find it.
const Json& LiveObject(const Type& type);
// A document that was decoded stays as it is when it is decoded, encoded and converted again.
void CheckNormalForm(const Type& type, const Json& document);

}  // namespace skiff::fuzz
