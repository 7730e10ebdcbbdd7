// Validation of HorizontalPodAutoscalers. Those of v1 are checked as what they mean in v2.
#pragma once

namespace skiff {

class Violations;

namespace autoscaling_v2 {
struct HorizontalPodAutoscaler;
}

void ValidateAutoscaler(const autoscaling_v2::HorizontalPodAutoscaler& object, Violations& out);
void ValidateAutoscalerUpdate(const autoscaling_v2::HorizontalPodAutoscaler& object,
                              const autoscaling_v2::HorizontalPodAutoscaler& old, Violations& out);
void ValidateAutoscalerStatus(const autoscaling_v2::HorizontalPodAutoscaler& object,
                              const autoscaling_v2::HorizontalPodAutoscaler& old, Violations& out);

}  // namespace skiff
