// The schema that the defaults of a definition are held against. Internal to
// definition_defaults.cc.
#pragma once

#include "api/crd/schema.h"

namespace skiff::crd {

// As ReadSchema, with whichever formats it names: of a default those count, too, that nobody checks
// in objects.
SchemaPtr ReadSchemaOfDefaults(const Json& props);

}  // namespace skiff::crd
