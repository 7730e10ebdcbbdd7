// Jobs and pods for the tests of what is decided about them.
#pragma once

#include <memory>
#include <string>

#include "controllers/workloads/job_observation.h"

namespace skiff::job {

inline const TimePoint kNow{std::chrono::seconds(1'700'000'000)};

inline batch_v1::Job JobOf(int parallelism, std::optional<int> completions) {
  batch_v1::Job job;
  job.metadata.name = "job";
  job.metadata.uid = "j";
  job.spec.parallelism = parallelism;
  job.spec.completions = completions;
  job.spec.backoff_limit = 6;
  job.spec.template_.spec.restart_policy = "Never";
  return job;
}

inline batch_v1::Job IndexedJobOf(int parallelism, int completions) {
  batch_v1::Job job = JobOf(parallelism, completions);
  job.spec.completion_mode = "Indexed";
  return job;
}

inline std::shared_ptr<core_v1::Pod> PodOf(const std::string& uid, const std::string& phase,
                                           int index = -1, Duration ago = 1h) {
  auto pod = std::make_shared<core_v1::Pod>();
  pod->metadata.namespace_ = "default";
  pod->metadata.name = pod->metadata.uid = uid;
  pod->metadata.finalizers = {std::string(kTracking)};
  pod->metadata.creation_timestamp = kNow - ago;
  pod->status.phase = phase;
  if (index >= 0) {
    pod->metadata.annotations[std::string(kCompletionIndex)] = std::to_string(index);
  }
  return pod;
}

// One that failed after its index had failed `before` times.
inline std::shared_ptr<core_v1::Pod> FailedPodOf(const std::string& uid, int index, int before,
                                                 Duration ago = 1h) {
  auto pod = PodOf(uid, "Failed", index, ago);
  pod->metadata.annotations[std::string(kFailureCount)] = std::to_string(before);
  return pod;
}

inline std::shared_ptr<core_v1::Pod> Deleted(std::shared_ptr<core_v1::Pod> pod,
                                             Duration ago = 0s) {
  pod->metadata.deletion_timestamp = Time(kNow - ago);
  return pod;
}

}  // namespace skiff::job
