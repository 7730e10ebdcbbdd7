// --kube-apiserver-arg of `skiff up`: flags of kube-apiserver beside those that `up` sets itself.
#pragma once

#include <string>
#include <vector>

#include "apiserver/server/program.h"
#include "base/error.h"

namespace skiff {

// `set` with the arguments, each "name=value". NodeRestriction stays among the admission plugins
// unless it is disabled. Invalid for what `up` decides itself, and in kube-apiserver's words for
// what it would refuse; what has no effect gets a line in `log.notes`.
Result<ApiServerFlags> WithGivenArguments(ApiServerFlags set,
                                          const std::vector<std::string>& arguments);

}  // namespace skiff
