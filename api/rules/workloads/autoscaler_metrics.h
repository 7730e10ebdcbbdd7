// Metrics of HorizontalPodAutoscalers, between the words of autoscaling/v1 and those of v2. v1 has
// no fields for them: it carries them as JSON in annotations.
#pragma once

#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"

namespace skiff {

// What v2 leaves out and v1 always writes becomes "0".
autoscaling_v1::MetricSpec MetricToV1(const autoscaling_v2::MetricSpec& metric);
autoscaling_v1::MetricStatus MetricToV1(const autoscaling_v2::MetricStatus& metric);

// v1 does not say which kind of target it has; the amounts that are given do.
autoscaling_v2::MetricSpec MetricToV2(const autoscaling_v1::MetricSpec& metric);
autoscaling_v2::MetricStatus MetricToV2(const autoscaling_v1::MetricStatus& metric);

}  // namespace skiff
