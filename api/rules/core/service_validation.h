// Validation of Services.
#pragma once

namespace skiff {

class Violations;

namespace core_v1 {
struct Service;
}

void ValidateService(const core_v1::Service& object, Violations& out);
void ValidateServiceUpdate(const core_v1::Service& object, const core_v1::Service& old,
                           Violations& out);
void ValidateServiceStatus(const core_v1::Service& object, const core_v1::Service& old,
                           Violations& out);
// The cluster addresses and families of a service. Runs also before addresses are given out.
void ValidateServiceClusterIps(const core_v1::Service& object, Violations& out);

}  // namespace skiff
