// postStart and preStop handlers: a command, an HTTP request, or a pause.
#pragma once

#include <string>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/error.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

// Thread-safe; blocks until the handler is done.
class LifecycleHooks {
 public:
  explicit LifecycleHooks(ContainerRuntime& runtime) : runtime_(runtime) {}
  // Fails with the text that events and statuses show:
  // `Exec lifecycle hook ([a b]) for Container "c" in Pod "p_ns(uid)" failed - error: ...`.
  Result<> Run(const core_v1::LifecycleHandler& handler, const core_v1::Pod& pod,
               const core_v1::Container& container, const std::string& container_id,
               const std::string& pod_ip, Duration timeout);

 private:
  ContainerRuntime& runtime_;
};

}  // namespace skiff::kubelet
