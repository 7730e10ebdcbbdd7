// The first process of a container: shares its mounts with what it will run, passes signals on and
// buries orphans.
#pragma once

namespace skiff {

// Before any thread starts. In every process but number 1 this does nothing. There it goes on as a
// child; process 1 stays behind, hands SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 to that child,
// waits for whatever loses its parent (containers' shims do), and exits with the child's code, or
// 128 and the signal that ended it.
void LeaveInitBehind();

}  // namespace skiff
