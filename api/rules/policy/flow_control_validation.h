// Validation of the kinds of API priority and fairness.
#pragma once

namespace skiff {

class Violations;

namespace flowcontrol_v1 {
struct FlowSchema;
struct PriorityLevelConfiguration;
}  // namespace flowcontrol_v1

void ValidateFlowSchema(const flowcontrol_v1::FlowSchema& object, Violations& out);
void ValidateFlowSchemaStatus(const flowcontrol_v1::FlowSchema& object, Violations& out);
void ValidatePriorityLevel(const flowcontrol_v1::PriorityLevelConfiguration& object,
                           Violations& out);
void ValidatePriorityLevelStatus(const flowcontrol_v1::PriorityLevelConfiguration& object,
                                 Violations& out);

}  // namespace skiff
