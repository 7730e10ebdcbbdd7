// What to do next for a pod: which containers to kill and start, whether it needs a sandbox. A pure
// function of its spec and of what the runtime has; the pod worker carries it out and asks again.
//
//   sandbox ok? --no--> new sandbox, then start from the first init container
//      | yes
//   initialized? --no--> the next init container (each must exit 0; a sidecar must have started)
//      | yes
//   every regular container: never started -> start; exited -> by restart policy;
//                            running -> keep, unless its spec changed or a probe failed
//   nothing runs and nothing will -> kill the pod (stop its sandbox)
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kubelet/pod_observed.h"

namespace skiff::kubelet {

enum class StartupState : uint8_t {
  kUnknown,  // Has a startup probe (or a hook) that has not come to an end.
  kStarted,
  kFailed,
};

// What probes say of the container that runs under a name now.
struct ProbeState {
  StartupState startup = StartupState::kStarted;
  bool liveness_failed = false;
};

struct PlanInput {
  const core_v1::Pod& pod;
  const ObservedPod& observed;
  std::map<std::string, ProbeState> probes;  // By container name; absent: no probes.
  std::set<std::string> resize_restarts = {};  // Names: a resize that is due wants them made anew.
  // Names: the newest was killed in order to be started anew, whatever code it ends with.
  std::set<std::string> killed_to_restart = {};
};

struct ContainerKill {
  std::string id;
  std::string name;
  std::string message;             // Of the Killing event.
  std::optional<int64_t> grace_s;  // The probe's own grace period.
  bool restarts = false;           // It is killed in order to be started anew.
};

struct PodPlan {
  bool kill_pod = false;        // Stop everything, the sandbox too.
  bool create_sandbox = false;  // After killing what is left of the old one.
  uint32_t sandbox_attempt = 0;
  std::string sandbox_id;  // The one in use; "" when create_sandbox.
  std::vector<ContainerKill> kills;
  // Indexes into the spec's lists, in the order of starting.
  std::vector<size_t> start_init;
  std::vector<size_t> start_regular;
  std::vector<size_t> start_ephemeral;

  bool Empty() const {
    return !kill_pod && !create_sandbox && kills.empty() && start_init.empty() &&
           start_regular.empty() && start_ephemeral.empty();
  }
};

PodPlan PlanPod(const PlanInput& input);

// Whether a container of a pod that terminates may be told to stop while those in `running` are:
// sidecars wait for the regular containers, and for the sidecars that started after them.
bool MayStopNow(const core_v1::PodSpec& spec, const std::string& container,
                const std::set<std::string>& running);

}  // namespace skiff::kubelet
