// Probes over HTTP in the simulation: nothing has an address there, but containers answer, late or
// not at all.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/id.h"
#include "kubelet/probes/probe_attempt.h"

namespace skiff {

struct SimulatedHttp {
  Executor& executor;
  const Clock& clock;
  Random& random;
  // The status that a container answers a GET of a path with; nullopt: it does not answer.
  std::function<std::optional<int>(const std::string& container_id, const std::string& path)> get;

  std::unique_ptr<kubelet::ProbeAttempt> Start(
      const core_v1::Probe& probe, const kubelet::ProbeSubject& subject,
      std::function<void(kubelet::ProbeOutcome)> done) const;
};

}  // namespace skiff
