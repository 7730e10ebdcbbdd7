// Which Pod Security standard counts where: labels of namespaces, what counts where they have none,
// and what is exempt (PodSecurityConfiguration of pod-security.admission.config.k8s.io/v1). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "api/violations.h"
#include "apiserver/admission/pod_security_checks.h"
#include "base/error.h"

namespace skiff {

struct PodSecurityPolicies {
  SecurityPolicy enforce = {};
  SecurityPolicy audit = {};
  SecurityPolicy warn = {};

  // Nothing is looked at.
  bool AllPrivileged() const;
};

struct PodSecuritySettings {
  PodSecurityPolicies defaults = {};
  std::vector<std::string> exempt_users = {};
  std::vector<std::string> exempt_namespaces = {};
  std::vector<std::string> exempt_runtime_classes = {};
};

// Of a configuration as it is in a file. Invalid carries kube-apiserver's text.
Result<PodSecuritySettings> ReadPodSecuritySettings(std::string_view text);

// Labels that say nothing good go to `wrong`: pods are held against "restricted" then, and neither
// warned of nor put down.
PodSecurityPolicies PoliciesOf(const std::map<std::string, std::string>& labels,
                               const PodSecurityPolicies& defaults, Violations& wrong);

// What a namespace that is exempt and has labels nevertheless is told; "": nothing.
std::string ExemptNamespaceWarning(const std::string& name,
                                   const std::map<std::string, std::string>& labels,
                                   const PodSecurityPolicies& policies,
                                   const PodSecurityPolicies& defaults);

}  // namespace skiff
