// How Go prints a label selector's struct, as Kubernetes does in some messages and columns.
#pragma once

#include <string>

#include "api/gen/meta_v1.h"

namespace skiff {

// "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:...}"
std::string GoSelectorText(const meta_v1::LabelSelector& selector);

}  // namespace skiff
