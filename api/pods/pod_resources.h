// Amounts of node resources, as integers: CPU in milli, everything else as its value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "api/gen/core_v1.h"

namespace skiff {

// At the limits of int64 it stays there: two amounts of 8Ei are a lot, and not less than nothing.
int64_t SaturatedSum(int64_t a, int64_t b);
int64_t SaturatedDifference(int64_t a, int64_t b);

struct Resources {
  int64_t milli_cpu = 0;
  int64_t memory = 0;
  int64_t ephemeral_storage = 0;
  std::map<std::string, int64_t> scalar;  // Extended resources, hugepages, attachable volumes.

  static Resources From(const std::map<std::string, Quantity>& list);
  void Add(const Resources& other);
  // What was added before is whole again, unless the sum has met its limit.
  void Subtract(const Resources& other);
  // Some amount is as great as any can be: what it was summed from is not known any more.
  bool IsAtLimit() const;
  // Per resource the larger of both.
  void RaiseTo(const Resources& other);
  bool IsZero() const;
  bool operator==(const Resources&) const = default;
};

// What a pod asks of a node: containers and sidecars together, or the largest init container with
// the sidecars before it, plus overhead; pod-level requests take precedence.
Resources PodRequests(const core_v1::PodSpec& spec);

// The same with 100m CPU and 200 MiB for containers that do not state them: scores use it so that
// pods without requests spread too.
Resources NonZeroPodRequests(const core_v1::PodSpec& spec);

// Likewise of the containers and the overhead alone, whatever the pod as a whole requests: so
// kube-scheduler scores by what is left on a node.
Resources NonZeroContainersRequests(const core_v1::PodSpec& spec);

// What the limits of a pod's containers come to, in the same way; the overhead is added to what is
// limited. A container without a limit adds nothing.
Resources PodLimits(const core_v1::PodSpec& spec);

// What all containers of a pod together may use of a resource, overhead aside; the pod-level limit
// takes precedence. CPU in milli. nullopt: one of them has no limit, and so the pod has none.
std::optional<int64_t> PodLimit(const core_v1::PodSpec& spec, const std::string& name);

}  // namespace skiff
