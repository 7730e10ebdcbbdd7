// Who makes pods' cgroups, where the runtime did not say so when the kubelet started: it was away.
// It is asked again once it answers, and before that no pod gets a sandbox.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "kubelet/cri.h"

namespace skiff::kubelet {

// Thread-safe.
class CgroupDriverCheck {
 public:
  // `differs` is called once, when the runtime says another driver than `meant`: what was made of
  // that cannot be changed while the kubelet runs.
  CgroupDriverCheck(ContainerRuntime& runtime, std::string meant,
                    std::function<void(const std::string& said)> differs)
      : runtime_(runtime), meant_(std::move(meant)), differs_(std::move(differs)) {}
  // Whether sandboxes may be made. Asks the runtime until it has said that its driver is the one
  // that is meant, or that it does not say.
  Result<> Ensure();

 private:
  ContainerRuntime& runtime_;
  const std::string meant_;
  const std::function<void(const std::string& said)> differs_;
  std::atomic<bool> is_good_ = false;
  std::atomic<bool> is_told_ = false;
};

}  // namespace skiff::kubelet
