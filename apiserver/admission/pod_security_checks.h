// The Pod Security Standards as a pure function: what a pod does that a level does not allow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"

namespace skiff {

enum class SecurityLevel : uint8_t { kPrivileged, kBaseline, kRestricted };

// The standards change with Kubernetes' minor versions. Without `minor` it is the latest.
struct SecurityPolicy {
  SecurityLevel level = SecurityLevel::kPrivileged;
  std::optional<int64_t> minor = {};
  // "restricted:latest", "baseline:v1.24"
  std::string Text() const;
};

struct SecurityFinding {
  std::string reason;
  std::string detail;
};
// In the order of the checks' ids, baseline first.
std::vector<SecurityFinding> CheckPodSecurity(const SecurityPolicy& policy,
                                              const meta_v1::ObjectMeta& meta,
                                              const core_v1::PodSpec& spec);
// "reason (detail), reason (detail)"
std::string FindingsText(const std::vector<SecurityFinding>& findings);

}  // namespace skiff
