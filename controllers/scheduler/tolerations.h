// The scheduler's names for api/tolerations.
#pragma once

#include "api/tolerations.h"

namespace skiff::scheduler {

using skiff::AnyTolerates;
using skiff::Tolerates;

}  // namespace skiff::scheduler
