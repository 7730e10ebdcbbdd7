// Objects that were applied client-side, and are now applied by the server: who owned their fields
// then must not hold them against the new manager.
#pragma once

#include "api/values.h"

namespace skiff::cli {

// metadata.managedFields with what the client-side managers own given to `manager` (Apply); null
// when there is nothing to give.
Json MigratedManagedFields(const Json& object, const std::string& manager);

}  // namespace skiff::cli
