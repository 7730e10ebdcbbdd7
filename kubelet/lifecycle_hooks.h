// postStart and preStop handlers: a command, an HTTP request, or a pause.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/recorder.h"
#include "http/client.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

class KubeletMetrics;

// Thread-safe; blocks until the handler is done.
class LifecycleHooks {
 public:
  // `pause` lets that much time pass on the caller's thread. Without `loops` (on simulated nodes)
  // HTTP handlers count as answered. Who asked for HTTPS where HTTP is spoken is told by `events`.
  // Null `metrics`: nobody counts.
  LifecycleHooks(ContainerRuntime& runtime, http::Loops* loops, EventRecorder& events,
                 std::function<void(Duration)> pause, KubeletMetrics* metrics = nullptr)
      : runtime_(runtime),
        loops_(loops),
        events_(events),
        pause_(std::move(pause)),
        metrics_(metrics) {}
  // Bounded by `timeout` unless it is zero. A handler of any other kind fails, as with the kubelet.
  // Errors have the text that events and statuses show:
  // `Exec lifecycle hook ([a b]) for Container "c" in Pod "p_ns(uid)" failed - error: ...`.
  Result<> Run(const core_v1::LifecycleHandler& handler, const core_v1::Pod& pod,
               const core_v1::Container& container, const std::string& container_id,
               const std::string& pod_ip, Duration timeout);

 private:
  Result<> RunCommand(const std::vector<std::string>& command, const std::string& container_id,
                      const std::string& where, Duration timeout);
  Result<> RunHttp(const core_v1::HTTPGetAction& get, const core_v1::Pod& pod,
                   const core_v1::Container& container, const std::string& pod_ip,
                   Duration timeout);
  // What counts is that there is an answer.
  Result<> Ask(const http::Upstream& upstream, const http::ClientRequest& request);
  ContainerRuntime& runtime_;
  http::Loops* loops_;
  EventRecorder& events_;
  const std::function<void(Duration)> pause_;
  KubeletMetrics* const metrics_;
};

}  // namespace skiff::kubelet
