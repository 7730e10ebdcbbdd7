// Defaults of a Job's spec, for Jobs and for those who read the spec of one not yet created.
#pragma once

namespace skiff {

namespace batch_v1 {
struct Job;
struct JobSpec;
}  // namespace batch_v1

void DefaultJob(batch_v1::Job& job);
// What also holds inside a CronJob's template.
void DefaultPodFailurePolicy(batch_v1::JobSpec& spec);

}  // namespace skiff
