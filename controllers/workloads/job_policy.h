// What the policies of a Job say: of a pod that failed, and of indexes that succeeded. Pure.
#pragma once

#include <optional>
#include <string>

#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "controllers/workloads/job_indexes.h"

namespace skiff::job {

struct FailureMatch {
  std::string action;   // Of the first rule that the pod matches; "" when it matches none.
  std::string message;  // Why the job fails, with FailJob.
  bool IsCounted() const { return action != "Ignore"; }
};
FailureMatch MatchFailurePolicy(const batch_v1::Job& job, const core_v1::Pod& failed);

// The position of the first rule of the success policy that these indexes fulfil.
std::optional<size_t> MetSuccessRule(const batch_v1::Job& job, const Indexes& succeeded);

}  // namespace skiff::job
