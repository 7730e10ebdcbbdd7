// What a right in a namespace is worth for the past of that name.
//
// Roles of a namespace go with it, and whoever may read the one of now need not have been allowed
// to read the one that had its name before. What the store still keeps of that one is for those who
// may read the kind in all namespaces. kube-apiserver makes no difference; its etcd keeps five
// minutes, a history here may be hours.
#pragma once

#include "apiserver/request/request_context.h"
#include "apiserver/server/core.h"
#include "base/error.h"

namespace skiff {

// Of a list, or a collection that is deleted: Forbidden where it is of a past in which another
// namespace had the name. Of options that do not parse others tell.
Result<> MayReadPast(Core& core, const ApiRequest& request);

// Of a watch that goes on from the past: Expired where it may begin with what was done to another
// one. Who has to list again is shown what he may see.
Result<> MayWatchPast(Core& core, const ApiRequest& request);

}  // namespace skiff
