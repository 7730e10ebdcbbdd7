// The scheduler's names for api/pod_resources.
#pragma once

#include "api/pod_resources.h"

namespace skiff::scheduler {

using skiff::NonZeroPodRequests;
using skiff::PodRequests;
using skiff::Resources;

}  // namespace skiff::scheduler
