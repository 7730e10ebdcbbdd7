// Which kernel parameters a pod may set: those that the kernel keeps for each pod by itself and
// that cannot harm others, and what an administrator allows besides. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"

namespace skiff::kubelet {

class SysctlAllowlist {
 public:
  // The safe ones that a kernel of this release ("6.1.0-18-amd64") has.
  explicit SysctlAllowlist(const std::string& kernel_release);

  // Adds names, and patterns that end in "*". Fails for what the kernel does not keep by pod.
  Result<> Allow(const std::vector<std::string>& patterns);

  // Why the pod may not set its sysctls, as the kubelet says it:
  // "forbidden sysctl: \"kernel.msgmax\" not allowlisted".
  std::optional<std::string> Problem(const core_v1::PodSpec& spec) const;

 private:
  std::optional<std::string> ProblemOf(const std::string& name, const core_v1::PodSpec& spec) const;

  std::vector<std::string> names_;
  std::vector<std::string> prefixes_;
};

// "net/ipv4/ip_forward" and "net.ipv4.ip_forward" are one; a dot in a name of an interface is a
// slash in the second form, and the other way round.
std::string SysctlInDots(const std::string& name);

}  // namespace skiff::kubelet
