// For which audiences a kubelet may want a token of a pod: those that its volumes name.
#pragma once

#include <string>

#include "api/gen/core_v1.h"
#include "apiserver/storage/store.h"
#include "base/error.h"

namespace skiff {

// Whether a projected token of the pod, or a CSI driver that one of its volumes needs, asks for a
// token for `audience` ("": the server's own). Fails when none does and a volume's driver could not
// be found out.
Result<bool> PodNamesAudience(Store& store, const core_v1::Pod& pod, const std::string& audience);

}  // namespace skiff
