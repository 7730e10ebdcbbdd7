// The merge of server-side apply.
#pragma once

#include "api/patch/field_set.h"

namespace skiff {

// `live` with what `applied` gives in it. Granular structures and maps merge member by member,
// keyed lists and sets item by item, everything else is replaced. Items keep the order of
// `applied`; those only in `live` stay where they stood among their neighbours. Both passed
// CheckApplied (duplicates are allowed in `live`).
Json MergeApplied(const Spot& spot, Json live, const Json& applied);

}  // namespace skiff
