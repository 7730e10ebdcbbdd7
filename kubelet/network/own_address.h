// Who this machine is to others.
#pragma once

#include <string>

namespace skiff {

// The IPv4 address of the default route's interface; loopback when there is none.
std::string OwnAddress();
// The host's name in lower case.
std::string OwnHostname();

}  // namespace skiff
