// Ports of this machine for the API servers of several clusters.
#pragma once

#include "base/error.h"

namespace skiff {

// Of the API server, where nothing else is asked for.
inline constexpr int kUsualSecurePort = 6443;

// Whether a program could listen there, at all addresses.
bool IsPortFree(int port);
// The first one that is free behind the usual port.
Result<int> NextFreePort();

}  // namespace skiff
