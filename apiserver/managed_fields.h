// The account of who owns which field (metadata.managedFields), kept at every write that is not an
// apply.
#pragma once

#include <string>
#include <string_view>

#include "api/type.h"
#include "api/values.h"
#include "base/clock.h"

namespace skiff {

struct FieldWriter {
  std::string manager;
  std::string subresource;  // "" for the main resource.
  TimePoint now;
};

// Accounts for the change from `old` (null on create) to `document` by that writer; both are whole
// documents of the kind. The client's own list in `document` counts only on the main resource.
void TrackManagedFields(const KindInfo& kind, const Json& old, Json& document,
                        const FieldWriter& writer);

// Whether two documents are the same but for resourceVersion and the times in managedFields.
bool SameButForTimes(const Json& a, const Json& b);

}  // namespace skiff
