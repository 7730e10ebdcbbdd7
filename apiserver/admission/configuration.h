// --admission-control-config-file: what single plugins are told (AdmissionConfiguration of
// apiserver.config.k8s.io/v1).
#pragma once

#include <string>
#include <vector>

#include "apiserver/admission/pod_security_settings.h"
#include "apiserver/admission/resource_quota_settings.h"
#include "base/error.h"

namespace skiff {

struct AdmissionSettings {
  PodSecuritySettings pod_security = {};
  ResourceQuotaSettings resource_quota = {};
};

// Of a file, and of those that it names; "": as it is without one. Invalid carries kube-apiserver's
// text, and says what of it cannot be had here. A plugin that is not known is one of another
// version: it gets a line in `notes`.
Result<AdmissionSettings> ReadAdmissionSettings(const std::string& path,
                                                std::vector<std::string>& notes);

}  // namespace skiff
