// Validation of HorizontalPodAutoscalers of either version; both report the paths of v2.
#pragma once

namespace skiff {

class Violations;

namespace autoscaling_v1 {
struct HorizontalPodAutoscaler;
}
namespace autoscaling_v2 {
struct HorizontalPodAutoscaler;
}

void ValidateAutoscaler(const autoscaling_v2::HorizontalPodAutoscaler& object, Violations& out);
void ValidateAutoscalerUpdate(const autoscaling_v2::HorizontalPodAutoscaler& object,
                              const autoscaling_v2::HorizontalPodAutoscaler& old, Violations& out);
void ValidateAutoscalerStatus(const autoscaling_v2::HorizontalPodAutoscaler& object,
                              const autoscaling_v2::HorizontalPodAutoscaler& old, Violations& out);

void ValidateAutoscalerV1(const autoscaling_v1::HorizontalPodAutoscaler& object, Violations& out);
void ValidateAutoscalerV1Update(const autoscaling_v1::HorizontalPodAutoscaler& object,
                                const autoscaling_v1::HorizontalPodAutoscaler& old,
                                Violations& out);
void ValidateAutoscalerV1Status(const autoscaling_v1::HorizontalPodAutoscaler& object,
                                const autoscaling_v1::HorizontalPodAutoscaler& old,
                                Violations& out);

}  // namespace skiff
