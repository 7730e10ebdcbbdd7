// What emptying a namespace has come to, and the conditions that say so. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"

namespace skiff {

struct NamespaceContent {
  std::string discovery_error;                  // Nothing could be asked; "": some could.
  std::vector<std::string> discovery_failures;  // Of single groups.
  std::vector<std::string> deletion_failures;
  std::map<std::string, int> remaining;   // By "pods." or "deployments.apps".
  std::map<std::string, int> finalizers;  // Objects that still have it, by finalizer.
  int64_t estimate_s = 0;                 // How long what remains may take.
  bool is_discovered() const { return discovery_error.empty() && discovery_failures.empty(); }
  bool failed() const { return !is_discovered() || !deletion_failures.empty(); }
};

// Why not all kinds are known, in Kubernetes' words; "": they are.
std::string DiscoveryProblem(const NamespaceContent& content);
// All five, each with the time of its last change of status.
std::vector<core_v1::NamespaceCondition> ConditionsOf(
    const NamespaceContent& content, const std::vector<core_v1::NamespaceCondition>& before,
    Time now);

}  // namespace skiff
