// Revisions of workloads, and how far a rollout is.
#pragma once

#include <map>

#include "cli/writing.h"

namespace skiff::cli {

struct Revision {
  Json object;  // The Deployment's ReplicaSet; else the DaemonSet or StatefulSet as it was.
  Json pod_template;
  std::string change_cause;
};
// By number. Of Deployments, DaemonSets and StatefulSets; of others `who` looks at them is missing.
Result<std::map<int64_t, Revision>> RevisionsOf(Session& session, const Target& target,
                                                const char* who);

// How far the rollout of an object is.
struct RolloutProgress {
  std::string text;  // A line, with its newline.
  bool done = false;
};
// `object` says what it is.
Result<RolloutProgress> ProgressOf(const Json& object, int64_t revision);
Result<> RunRolloutStatus(Command& command, const Args& args);

// A selector of an object, of either form, as -l takes it.
std::string SelectorText(const Json& selector);

}  // namespace skiff::cli
