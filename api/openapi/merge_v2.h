// Documents of OpenAPI v2 of several servers as one, by kube-aggregator's rules. Documents of
// others are what they sent: any JSON.
#pragma once

#include <string_view>

#include "api/values.h"

namespace skiff::openapi {

// Deeper documents of others are not read.
inline constexpr int kMergedDepthMax = 500;

// Leaves the paths that begin with `prefix`, and of the definitions those that they lead to or that
// nothing led to before, without defaults. Null where `document` is no such document.
Json PathsBelow(Json document, std::string_view prefix);

// Adds to `document` the paths of `other` that it has not, with their definitions and parameters:
// an equal one is one, another one of the same name becomes "<name>_v2". Of definitions that differ
// only in x-kubernetes-group-version-kind, all kinds are named.
void MergeInto(Json& document, Json other);

}  // namespace skiff::openapi
