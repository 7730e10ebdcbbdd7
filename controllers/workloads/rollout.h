// How a Deployment's replicas are spread over its ReplicaSets. Pure: what is there and what is
// wanted go in, the sizes to set come out.
#pragma once

#include <string>
#include <vector>

#include "api/gen/apps_v1.h"
#include "client/client.h"

namespace skiff::rollout {

using apps_v1::Deployment;
using apps_v1::ReplicaSet;
using Sets = std::vector<Ptr<ReplicaSet>>;

// A size to set. `resized` is false when only the annotations are to be refreshed.
struct Resize {
  Ptr<ReplicaSet> set;
  int32_t replicas = 0;
};

struct Bounds {
  int surge = 0;        // More than replicas that may exist.
  int unavailable = 0;  // Fewer than replicas that may be available.
};
// Percentages resolved: surge rounded up, unavailable down, never both 0 in a rolling update.
Bounds BoundsOf(const Deployment& deployment);
bool IsRolling(const Deployment& deployment);
int ReplicasOf(const Deployment& deployment);
int ReplicasOf(const ReplicaSet& set);
// With the surge; as many as a number of replicas can say.
int MaxSize(const Deployment& deployment);
int64_t TotalSpec(const Sets& sets);

// The deployment's ReplicaSets: the one made from its present template (or nullptr) and the rest,
// each oldest first.
struct Split {
  Ptr<ReplicaSet> current;
  Sets old;
  Sets all;
};
Split SplitSets(const Deployment& deployment, Sets sets);

// That of the set which comes after these. After the last that there can be comes the same again.
int64_t NextRevision(const Sets& old);

// Digits and letters that tell templates apart; at most 10 characters.
std::string TemplateHash(const core_v1::PodTemplateSpec& pod_template,
                         std::optional<int32_t> collision_count);
// Equal but for the label pod-template-hash.
bool SameTemplate(const core_v1::PodTemplateSpec& a, const core_v1::PodTemplateSpec& b);
// A ReplicaSet of the present template, sized for the rollout, without annotations of its own.
ReplicaSet NewReplicaSet(const Deployment& deployment, const Split& sets);

// How large the current set is made in a rolling update (also when it is new, with `size` 0).
int CurrentSize(const Deployment& deployment, int64_t total, int size);
// The next step of a rolling update that shrinks old sets; empty when it must wait.
std::vector<Resize> ShrinkOld(const Deployment& deployment, const Split& sets);
// Spreads a changed number of replicas over all sets, in proportion. Also holds sets that keep
// their size: their annotations are to be refreshed.
std::vector<Resize> Scale(const Deployment& deployment, const Split& sets);
// Whether a set was sized for another number of replicas than the deployment wants now.
bool NeedsScaling(const Deployment& deployment, const Sets& sets);
// Old sets that revisionHistoryLimit no longer keeps and that are empty.
Sets Outdated(const Deployment& deployment, const Split& sets);

}  // namespace skiff::rollout
