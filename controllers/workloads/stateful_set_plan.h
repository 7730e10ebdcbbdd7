// The members of a StatefulSet: what they are called, what they are made of, and which of them is
// made or deleted next. Pure.
//
//   web, 3 replicas, partition 2:   web-0 (current revision)  web-1 (current)  web-2 (update)
//
// OrderedReady does one thing at a time, upwards when pods are made and downwards when they go,
// and waits until what it did is available. Parallel waits for nobody, but updates one by one too.
// With the feature gate both update several at once, as long as no more pods are unavailable than
// maxUnavailable says.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/apps_v1.h"
#include "base/clock.h"
#include "client/client.h"

namespace skiff::stateful {

using Pods = std::vector<Ptr<core_v1::Pod>>;

inline constexpr std::string_view kPodNameLabel = "statefulset.kubernetes.io/pod-name";
inline constexpr std::string_view kPodIndexLabel = "apps.kubernetes.io/pod-index";
inline constexpr std::string_view kRevisionLabel = "controller-revision-hash";

// 3 for a pod web-3 of the set web; nullopt when the name is not one of the set's.
std::optional<int> OrdinalOf(const apps_v1::StatefulSet& set, const std::string& pod_name);
std::string NameOf(const apps_v1::StatefulSet& set, int ordinal);
// Whether the set is to have a member there.
bool IsWanted(const apps_v1::StatefulSet& set, int ordinal);
// Whether the name is one that a claim of a member has.
bool NamesClaim(const apps_v1::StatefulSet& set, const std::string& claim_name);
// "" when the pod is of none.
std::string RevisionOf(const core_v1::Pod& pod);

struct Input {
  const apps_v1::StatefulSet& set;
  Pods pods;  // The set's own.
  std::string current_revision;
  std::string update_revision;
  TimePoint now;
  bool uses_max_unavailable = false;  // Of the feature gate MaxUnavailableStatefulSet.
};

// A set may ask for any number of pods: no more than these are planned at one time.
inline constexpr size_t kCreatesMax = 500;

struct Plan {
  std::vector<int> create;  // Ordinals, in their order; at most kCreatesMax.
  Pods remove;
  Pods check_claims;  // Pending ones: the claims they wait for may have been deleted.
  Pods keep;          // Whose labels and claims are to be those of a member.
};
Plan PlanOf(const Input& input);

apps_v1::StatefulSetStatus StatusOf(const Input& input);

// Whether a pod that is missing at this ordinal is made of the current revision; else of the one
// that the set is being updated to.
bool IsMadeOfCurrent(const apps_v1::StatefulSet& set, int ordinal);
core_v1::Pod NewPod(const apps_v1::StatefulSet& set, const core_v1::PodTemplateSpec& pod_template,
                    const std::string& revision, int ordinal);
// Whether its labels say who it is.
bool HasIdentity(const apps_v1::StatefulSet& set, const core_v1::Pod& pod);
void SetIdentity(const apps_v1::StatefulSet& set, int ordinal, core_v1::Pod& pod);

// The claims of one member, by the order of the templates.
std::vector<core_v1::PersistentVolumeClaim> ClaimsOf(const apps_v1::StatefulSet& set, int ordinal);

}  // namespace skiff::stateful
