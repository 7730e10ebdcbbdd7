// What Pod Security counts of what it decided, under kube-apiserver's names.
#pragma once

#include <string_view>

#include "apiserver/admission/admission.h"
#include "apiserver/admission/pod_security_checks.h"
#include "base/metrics.h"

namespace skiff {

// Thread-safe.
class PodSecurityCounts {
 public:
  // Null: nothing is counted. It outlives this.
  explicit PodSecurityCounts(MetricRegistry* metrics);

  // `mode`: "enforce", "audit" or "warn".
  void Evaluated(const AdmissionRequest& request, std::string_view mode,
                 const SecurityPolicy& policy, bool allowed) const;
  void Exempted(const AdmissionRequest& request) const;
  // Labels that cannot be read.
  void Failed(const AdmissionRequest& request) const;

 private:
  CounterFamily* evaluations_ = nullptr;
  CounterFamily* exemptions_ = nullptr;
  CounterFamily* errors_ = nullptr;
};

}  // namespace skiff
