// The processors that this process may run on.
#pragma once

namespace skiff {

// How many those are, one at least: fewer than the machine has where it was given some of them
// alone (taskset, a cgroup's cpuset). More threads at work than that wait for one another.
int UsableProcessors();

}  // namespace skiff
