// CustomResourceDefinitions as nearly everybody reads them: without schemas and columns, which are
// nearly all of their text and take many times its room in structs, and without managedFields.
#pragma once

#include <string_view>

#include "api/gen/apiextensions_v1.h"
#include "base/error.h"

namespace skiff::crd {

// Of a text that this server made, into an empty struct. What is left out is not read at all.
Result<> ReadLightDefinition(std::string_view text,
                             apiextensions_v1::CustomResourceDefinition& out);

}  // namespace skiff::crd
