// One try of a probe's handler. HTTP and TCP run on the loops of http/ and hold no thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "http/loop.h"
#include "kubelet/cri.h"
#include "kubelet/task_pool.h"

namespace skiff::kubelet {

struct ProbeOutcome {
  bool success = false;
  std::string text;     // What events say after "Readiness probe failed: ".
  std::string warning;  // Of a success: what events say after "Readiness probe warning: ".
  bool is_unknown = false;  // The handler could not be tried, which says nothing of the container.
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

// Starts an attempt of a probe over HTTP, as StartProbe does.
using HttpProber = std::function<std::unique_ptr<ProbeAttempt>(
    const core_v1::Probe& probe, const ProbeSubject& subject,
    std::function<void(ProbeOutcome)> done)>;

struct ProbeTools {
  ContainerRuntime& runtime;
  http::Loops& loops;
  const HttpProber& http;  // Empty: over the network.
  TaskPool& tasks;  // For commands and gRPC, which hold a thread until they end.
  std::shared_ptr<void> place = nullptr;  // Dropped by then.
};

// Whether an attempt holds a thread until it ends.
inline bool HoldsThread(const core_v1::Probe& probe) {
  return !probe.http_get && !probe.tcp_socket;
}

// Starts an attempt and returns. `done` is called once, on this thread or another; after the
// attempt was dropped it may still be called.
std::unique_ptr<ProbeAttempt> StartProbe(const core_v1::Probe& probe, const ProbeSubject& subject,
                                         const ProbeTools& tools,
                                         std::function<void(ProbeOutcome)> done);

// The number of a port that may be given by its name in the container. The error is the kubelet's.
Result<int> ResolvePort(const IntOrString& port, const core_v1::Container& container);

}  // namespace skiff::kubelet
