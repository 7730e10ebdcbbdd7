// One try of a probe's handler. HTTP and TCP run on the loops of http/ and hold no thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "http/loop.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

struct ProbeOutcome {
  bool success = false;
  std::string text;     // What events say after "Readiness probe failed: ".
  std::string warning;  // Of a success: what events say after "Readiness probe warning: ".
};

// What the handler needs to know of the container.
struct ProbeSubject {
  std::string container_id;
  std::string pod_ip;
  const core_v1::Container& container;
};

// Dropping it abandons the attempt.
class ProbeAttempt {
 public:
  virtual ~ProbeAttempt() = default;
};

// Starts an attempt. `done` is called once, on this thread or another, unless the attempt is
// dropped before. Commands and gRPC run to their end before this returns.
std::unique_ptr<ProbeAttempt> StartProbe(const core_v1::Probe& probe, const ProbeSubject& subject,
                                         ContainerRuntime& runtime, http::Loops& loops,
                                         std::function<void(ProbeOutcome)> done);

// The number of a port that may be given by its name in the container; 0 when there is none.
int ResolvePort(const IntOrString& port, const core_v1::Container& container);

}  // namespace skiff::kubelet
