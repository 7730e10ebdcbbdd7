// Validation of Jobs, and of the Jobs that CronJobs describe.
#pragma once

#include <string>
#include <vector>

#include "api/select/field_path.h"

namespace skiff {

class Violations;

namespace batch_v1 {
struct Job;
struct JobSpec;
struct PodFailurePolicy;
struct SuccessPolicy;
}  // namespace batch_v1

void ValidateJob(const batch_v1::Job& object, Violations& out);
void ValidateJobUpdate(const batch_v1::Job& object, const batch_v1::Job& old, Violations& out);
void ValidateJobStatusUpdate(const batch_v1::Job& object, const batch_v1::Job& old,
                             Violations& out);

// A spec without what it says about its selector.
void ValidateJobSpecBody(const batch_v1::JobSpec& spec, const batch_v1::JobSpec* old,
                         const FieldPath& path, Violations& out);
void ValidatePodFailurePolicy(const batch_v1::JobSpec& spec, const FieldPath& path,
                              Violations& out);
void ValidateSuccessPolicy(const batch_v1::JobSpec& spec, const FieldPath& path, Violations& out);
bool IsIndexedJob(const batch_v1::JobSpec& spec);

// What is allowed in such a spec but hardly meant.
void WarnOfJobSpec(const batch_v1::JobSpec& spec, const FieldPath& path,
                   std::vector<std::string>& out);

}  // namespace skiff
