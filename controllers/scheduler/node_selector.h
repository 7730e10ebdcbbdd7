// The scheduler's names for api/node_selector.
#pragma once

#include "api/node_selector.h"

namespace skiff::scheduler {

using skiff::Matches;
using skiff::MatchesNodeSelection;

}  // namespace skiff::scheduler
