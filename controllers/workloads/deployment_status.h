// What a Deployment's status says of its ReplicaSets. Pure.
#pragma once

#include <optional>
#include <string>

#include "controllers/workloads/rollout.h"

namespace skiff {

// Sets status, reason and message; nothing when status and reason are the same already. The time
// of transition moves with the status only.
void SetCondition(apps_v1::DeploymentStatus& status, const std::string& type,
                  const std::string& value, const std::string& reason, const std::string& message,
                  TimePoint now);
const apps_v1::DeploymentCondition* FindCondition(const apps_v1::DeploymentStatus& status,
                                                  std::string_view type);
// Whether the deployment reports progress at all.
bool HasDeadline(const apps_v1::Deployment& deployment);
// All replicas are of the present template and available.
bool IsComplete(const apps_v1::Deployment& deployment, const apps_v1::DeploymentStatus& status);

// The counts and the condition Available.
apps_v1::DeploymentStatus CountStatus(const apps_v1::Deployment& deployment,
                                      const rollout::Split& sets, TimePoint now);
// CountStatus with the conditions Progressing and ReplicaFailure of a rollout under way.
apps_v1::DeploymentStatus RolloutStatus(const apps_v1::Deployment& deployment,
                                        const rollout::Split& sets, TimePoint now);
// When a rollout without progress has to be looked at again; kNever when it need not.
Duration UntilDeadline(const apps_v1::Deployment& deployment,
                       const apps_v1::DeploymentStatus& status, TimePoint now);

}  // namespace skiff
