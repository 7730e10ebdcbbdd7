// What --profile of `debug` allows a debugging container, and changes around it.
#pragma once

#include <string_view>

#include "api/values.h"

namespace skiff::cli {

struct DebugProfile {
  const char* name;
  bool hosts_namespaces;  // A pod on a node: of the host's network, processes and IPC.
  bool hosts_files;       // There, the host's files are at /host.
  bool isolates;          // Other settings of a container that is there already are dropped.
  bool debugs_copy;       // A copy of a pod shares its processes and is not probed.
};

// nullptr when there is none of that name.
const DebugProfile* FindDebugProfile(std::string_view name);
// `on_node`: in a pod on a node, not in or beside another pod's containers.
void ApplyDebugProfile(const DebugProfile& profile, bool on_node, Json& container);

}  // namespace skiff::cli
