// HorizontalPodAutoscaler of autoscaling/v1 and v2. What v1 has no field for travels in its
// annotations: other metrics than the use of CPU, the behavior, what was measured and the
// conditions.
#pragma once

#include <map>
#include <string>

#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"

namespace skiff {

// The percentage of the CPU that an autoscaler aims at when nothing says what to measure.
inline constexpr int32_t kDefaultCpuUtilization = 80;

autoscaling_v1::HorizontalPodAutoscaler AutoscalerToV1(
    const autoscaling_v2::HorizontalPodAutoscaler& autoscaler);

// An annotation that does not read as what it should hold counts for none. Apart from the metric
// that v1 implies, nothing is defaulted.
autoscaling_v2::HorizontalPodAutoscaler AutoscalerToV2(
    const autoscaling_v1::HorizontalPodAutoscaler& autoscaler);

// The annotations above belong to the server: v2 never has them, whoever sends them.
void DropAutoscalerAnnotations(std::map<std::string, std::string>& annotations);

}  // namespace skiff
