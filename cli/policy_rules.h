// Rules of roles, and of what one may do, as `describe` and `auth can-i --list` print them.
#pragma once

#include <string>
#include <vector>

#include "api/values.h"

namespace skiff::cli {

// A row a resource, or a non-resource URL: "pods<tab>[]<tab>[]<tab>[get list]". Rules about the
// same resource are one row; sorted as kubectl sorts them. Documents of rbac.authorization.k8s.io
// and of authorization.k8s.io look alike.
std::vector<std::string> PolicyRuleRows(const Json& rules);

}  // namespace skiff::cli
