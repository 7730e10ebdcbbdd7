// Strategic merge patch: a merge patch that knows from the table which lists merge, and by which
// key. Directives in the patch:
//
//   $patch: replace | delete | merge         in a map, or as (part of) an item of a list
//   $retainKeys: [..]                        the map keeps these keys alone
//   $deleteFromPrimitiveList/<list>: [..]    takes values out
//   $setElementOrder/<list>: [..]            the order of the result
#pragma once

#include <string_view>

#include "api/patch/patch.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff {

// Fails with 400 and Go's text; a patch is an object.
Result<MergePatch> ParseStrategicPatch(std::string_view text);

// Nothing is checked against the table but what the merge needs: decode the result. Fails with 400
// for malformed directives, 422 for lists of lists, 413 for a patch that names an item with long
// lists again and again, and 500 (as Kubernetes does) for the rest.
Result<Json> ApplyStrategicPatch(const Type& type, Json document, const Json& patch);

}  // namespace skiff
