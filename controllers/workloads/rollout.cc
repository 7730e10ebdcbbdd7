#include "controllers/workloads/rollout.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/hash.h"
#include "controllers/workloads/deployment_annotations.h"

namespace skiff::rollout {
namespace {

constexpr int32_t kUnlimited = std::numeric_limits<int32_t>::max();
constexpr size_t kNameMax = 253;

bool OlderFirst(const Ptr<ReplicaSet>& a, const Ptr<ReplicaSet>& b) {
  const auto& x = a->metadata;
  const auto& y = b->metadata;
  if (x.creation_timestamp != y.creation_timestamp) {
    return x.creation_timestamp < y.creation_timestamp;
  }
  return x.name < y.name;
}

// A number of replicas, of what need not be one.
int Saturated(int64_t replicas) {
  return static_cast<int>(std::clamp<int64_t>(replicas, 0, std::numeric_limits<int32_t>::max()));
}

// Pods beyond a set's size are as good as gone, though its status may not say so yet.
int64_t Available(const Sets& sets) {
  int64_t sum = 0;
  for (const auto& set : sets) sum += std::min(set->status.available_replicas, ReplicasOf(*set));
  return sum;
}

Sets Active(const Sets& sets) {
  Sets active;
  std::copy_if(sets.begin(), sets.end(), std::back_inserter(active),
               [](const auto& set) { return ReplicasOf(*set) > 0; });
  return active;
}

bool IsSaturated(const Deployment& deployment, const Ptr<ReplicaSet>& set) {
  const int wanted = ReplicasOf(deployment);
  return set && ReplicasOf(*set) == wanted && DesiredReplicas(*set) == wanted &&
         set->status.available_replicas == wanted;
}

// What the set's size would be if it kept its share of the deployment.
int64_t Proportion(const Deployment& deployment, const ReplicaSet& set, int64_t to_add,
                   int64_t added) {
  const int64_t size = ReplicasOf(set);
  if (size == 0 || to_add == 0 || to_add == added) return 0;
  const int64_t left = to_add - added;
  int64_t share = -size;
  const int wanted = ReplicasOf(deployment);
  if (wanted != 0) {
    // Where the set does not say, or somebody made it say nothing: of what there is in all.
    const int said = MaxReplicas(set).value_or(0);
    const int total_before = said != 0 ? said : deployment.status.replicas;
    if (total_before == 0) return 0;
    const double now = static_cast<double>(size) * MaxSize(deployment);
    // One that is larger than all were together: the annotation is anybody's to write.
    const double most = std::numeric_limits<int32_t>::max();
    share = static_cast<int64_t>(std::clamp(std::round(now / total_before), -most, most)) - size;
  }
  return to_add > 0 ? std::min(share, left) : std::max(share, left);
}

std::vector<Resize> ScaleProportionally(const Deployment& deployment, const Split& sets) {
  Sets active = Active(sets.all);
  const int allowed = ReplicasOf(deployment) > 0 ? MaxSize(deployment) : 0;
  const int64_t to_add = allowed - TotalSpec(active);
  // Ties go to newer sets when growing and to older ones when shrinking.
  std::sort(active.begin(), active.end(), [&](const auto& a, const auto& b) {
    if (ReplicasOf(*a) != ReplicasOf(*b)) return ReplicasOf(*a) > ReplicasOf(*b);
    return to_add > 0 ? OlderFirst(b, a) : OlderFirst(a, b);
  });
  std::vector<int64_t> sizes;
  int64_t added = 0;
  for (const auto& set : active) {
    const int64_t share = Proportion(deployment, *set, to_add, added);
    sizes.push_back(ReplicasOf(*set) + share);
    added += share;
  }
  if (!sizes.empty()) sizes[0] += to_add - added;
  std::vector<Resize> resizes;
  for (size_t i = 0; i < active.size(); ++i) resizes.push_back({active[i], Saturated(sizes[i])});
  return resizes;
}

}  // namespace

bool IsRolling(const Deployment& deployment) {
  return deployment.spec.strategy.type != "Recreate";
}

int ReplicasOf(const Deployment& deployment) {
  return deployment.spec.replicas.value_or(1);
}

int ReplicasOf(const ReplicaSet& set) {
  return set.spec.replicas.value_or(1);
}

int MaxSize(const Deployment& deployment) {
  return Saturated(int64_t{ReplicasOf(deployment)} + BoundsOf(deployment).surge);
}

int64_t TotalSpec(const Sets& sets) {
  int64_t sum = 0;
  for (const auto& set : sets) sum += ReplicasOf(*set);
  return sum;
}

Bounds BoundsOf(const Deployment& deployment) {
  const int replicas = ReplicasOf(deployment);
  if (!IsRolling(deployment)) return {};
  IntOrString surge = std::string("25%");
  IntOrString unavailable = std::string("25%");
  if (deployment.spec.strategy.rolling_update) {
    const auto& update = *deployment.spec.strategy.rolling_update;
    surge = update.max_surge.value_or(surge);
    unavailable = update.max_unavailable.value_or(unavailable);
  }
  Bounds bounds;
  // Validation has refused what cannot be read.
  bounds.surge = surge.ScaledTo(replicas, /*round_up=*/true).value_or(0);
  bounds.unavailable = unavailable.ScaledTo(replicas, /*round_up=*/false).value_or(0);
  if (bounds.surge == 0 && bounds.unavailable == 0) bounds.unavailable = 1;
  bounds.unavailable = std::min(bounds.unavailable, replicas);  // Of none, none.
  return bounds;
}

Split SplitSets(const Deployment& deployment, Sets sets) {
  std::sort(sets.begin(), sets.end(), OlderFirst);
  Split split;
  split.all = sets;
  for (const auto& set : sets) {
    if (!split.current && SameTemplate(set->spec.template_, deployment.spec.template_)) {
      split.current = set;
    } else {
      split.old.push_back(set);
    }
  }
  return split;
}

int64_t NextRevision(const Sets& old) {
  int64_t newest = 0;
  for (const auto& set : old) newest = std::max(newest, RevisionOf(set->metadata));
  return newest < std::numeric_limits<int64_t>::max() ? newest + 1 : newest;
}

std::string TemplateHash(const core_v1::PodTemplateSpec& pod_template,
                         std::optional<int32_t> collision_count) {
  std::string text = ToJson(pod_template).dump();
  if (collision_count) {
    const auto count = static_cast<uint32_t>(*collision_count);
    for (int byte = 0; byte < 8; ++byte) {
      text += byte < 4 ? static_cast<char>(count >> (8 * byte)) : '\0';
    }
  }
  // Letters and digits that cannot form words.
  constexpr std::string_view kDigits = "456789bcdf";
  std::string hash;
  for (const char digit : std::to_string(Fnv1a32(text))) hash += kDigits[digit - '0'];
  return hash;
}

bool SameTemplate(const core_v1::PodTemplateSpec& a, const core_v1::PodTemplateSpec& b) {
  core_v1::PodTemplateSpec x = a;
  core_v1::PodTemplateSpec y = b;
  x.metadata.labels.erase(std::string(kTemplateHash));
  y.metadata.labels.erase(std::string(kTemplateHash));
  return x == y;
}

ReplicaSet NewReplicaSet(const Deployment& deployment, const Split& sets) {
  const std::string hash =
      TemplateHash(deployment.spec.template_, deployment.status.collision_count);
  ReplicaSet set;
  set.metadata.namespace_ = deployment.metadata.namespace_;
  set.metadata.name = deployment.metadata.name.substr(0, kNameMax - hash.size() - 1) + "-" + hash;
  set.metadata.labels = deployment.spec.template_.metadata.labels;
  set.metadata.labels[std::string(kTemplateHash)] = hash;
  set.metadata.owner_references.push_back(
      ControllerReference(Deployment::Info(), deployment.metadata));
  set.spec.selector = deployment.spec.selector;
  set.spec.selector.Ensure().match_labels[std::string(kTemplateHash)] = hash;
  set.spec.template_ = deployment.spec.template_;
  set.spec.template_.metadata.labels[std::string(kTemplateHash)] = hash;
  set.spec.min_ready_seconds = deployment.spec.min_ready_seconds;
  set.spec.replicas = CurrentSize(deployment, TotalSpec(sets.all), 0);
  return set;
}

int CurrentSize(const Deployment& deployment, int64_t total, int size) {
  const int wanted = ReplicasOf(deployment);
  if (!IsRolling(deployment)) return wanted;
  if (size >= wanted) return wanted;
  const int64_t room = MaxSize(deployment) - total;
  return room <= 0 ? size : static_cast<int>(size + std::min<int64_t>(room, wanted - size));
}

std::vector<Resize> ShrinkOld(const Deployment& deployment, const Split& sets) {
  if (TotalSpec(sets.old) == 0) return {};
  const int min_available = ReplicasOf(deployment) - BoundsOf(deployment).unavailable;
  const int current_unavailable =
      sets.current ? ReplicasOf(*sets.current) - sets.current->status.available_replicas : 0;
  int64_t budget = TotalSpec(sets.all) - min_available - current_unavailable;
  if (budget <= 0) return {};
  std::map<std::string, int> sizes;
  for (const auto& set : sets.old) sizes[set->metadata.uid] = ReplicasOf(*set);
  // Pods that do not work go first: they cost no availability.
  for (const auto& set : sets.old) {
    int& size = sizes[set->metadata.uid];
    const int unhealthy = size - set->status.available_replicas;
    if (size == 0 || unhealthy <= 0) continue;
    const int less = static_cast<int>(std::min<int64_t>(budget, unhealthy));
    size -= less;
    budget -= less;
  }
  int64_t spare = Available(sets.all) - min_available;
  for (const auto& set : sets.old) {
    int& size = sizes[set->metadata.uid];
    if (spare <= 0 || size == 0) continue;
    const int less = static_cast<int>(std::min<int64_t>(size, spare));
    size -= less;
    spare -= less;
  }
  std::vector<Resize> resizes;
  for (const auto& set : sets.old) {
    if (sizes[set->metadata.uid] != ReplicasOf(*set)) {
      resizes.push_back({set, sizes[set->metadata.uid]});
    }
  }
  return resizes;
}

std::vector<Resize> Scale(const Deployment& deployment, const Split& sets) {
  const Sets active = Active(sets.all);
  if (active.size() <= 1) {
    Ptr<ReplicaSet> only = !active.empty() ? active[0] : sets.current;
    if (!only && !sets.old.empty()) only = sets.old.back();
    if (!only) return {};
    return {{only, ReplicasOf(deployment)}};
  }
  if (IsSaturated(deployment, sets.current)) {
    std::vector<Resize> resizes;
    for (const auto& set : Active(sets.old)) resizes.push_back({set, 0});
    return resizes;
  }
  if (!IsRolling(deployment)) return {};
  return ScaleProportionally(deployment, sets);
}

bool NeedsScaling(const Deployment& deployment, const Sets& sets) {
  return std::any_of(sets.begin(), sets.end(), [&](const auto& set) {
    const auto desired = DesiredReplicas(*set);
    return ReplicasOf(*set) > 0 && desired && *desired != ReplicasOf(deployment);
  });
}

Sets Outdated(const Deployment& deployment, const Split& sets) {
  const int32_t limit = deployment.spec.revision_history_limit.value_or(10);
  if (limit == kUnlimited) return {};
  Sets old;
  std::copy_if(sets.old.begin(), sets.old.end(), std::back_inserter(old),
               [](const auto& set) { return !set->metadata.deletion_timestamp; });
  const int excess = static_cast<int>(old.size()) - limit;
  if (excess <= 0) return {};
  std::stable_sort(old.begin(), old.end(), [](const auto& a, const auto& b) {
    return RevisionOf(a->metadata) < RevisionOf(b->metadata);
  });
  old.resize(excess);
  std::erase_if(old, [](const auto& set) {
    return set->status.replicas != 0 || ReplicasOf(*set) != 0 ||
           set->metadata.generation > set->status.observed_generation;
  });
  return old;
}

}  // namespace skiff::rollout
