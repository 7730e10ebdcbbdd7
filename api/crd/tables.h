// Structural schemas as the tables of types that apply and managed fields work by.
#pragma once

#include <string_view>

#include "api/crd/schema.h"
#include "api/registry.h"

namespace skiff::crd {

// The names outlive the tables. Fields of structures are in the order of their names, which
// Type::Find relies on.
const Type& MakeType(const Schema& schema, std::string_view kind, std::string_view api_version,
                     TableArena& tables);

}  // namespace skiff::crd
