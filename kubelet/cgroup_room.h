// Room for pods' cgroups in a container of cgroup v2.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff {

// The kernel hands controllers (cpu, memory, ...) only to the children of a cgroup that has no
// processes of its own, the machine's root excepted. In a container what looks like the root is a
// cgroup like any other, and we are in it: without this, pods would have no limits there. Moves all
// its processes to a child, "init", and hands on what controllers it has. `mount` is where cgroup
// v2 is mounted. Does nothing on the machine's own root, and nothing more the second time.
// Conflict: processes came faster than they could be moved. Forbidden: the kernel refuses.
Result<> MakeRoomForCgroups(const std::string& mount);

}  // namespace skiff
