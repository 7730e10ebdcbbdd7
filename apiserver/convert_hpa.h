// autoscaling/v1 <-> autoscaling/v2 HorizontalPodAutoscaler. What v1 has no field for travels in
// annotations, as Kubernetes keeps it.
#pragma once

#include "api/values.h"

namespace skiff {

Json HpaV1FromV2(const Json& hpa);
Json HpaV2FromV1(const Json& hpa);

}  // namespace skiff
