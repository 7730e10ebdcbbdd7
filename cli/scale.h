// The scale subresource, for `scale` and `rolling-update`.
#pragma once

#include <optional>

#include "cli/writing.h"

namespace skiff::cli {

struct ScaleRequest {
  int64_t replicas = 0;
  std::optional<int64_t> current;  // Refuse when it is another number by now.
  std::string resource_version;    // The same of the version.
  std::string dry_run;
};

// A conflict is tried again, for some minutes.
Result<> ScaleObject(Session& session, const Resource& resource, const ObjectKey& key,
                     const ScaleRequest& request);
// Until the status has followed the spec to that many replicas.
Result<> WaitForScale(Session& session, const Resource& resource, const ObjectKey& key,
                      int64_t replicas, Duration timeout);

}  // namespace skiff::cli
