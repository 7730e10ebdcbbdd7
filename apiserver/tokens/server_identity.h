// By which name metrics tell one API server from another.
#pragma once

#include <string>

namespace skiff {

// "apiserver-" and a digest of this machine's name, as kube-apiserver is called.
std::string ServerIdentity();

}  // namespace skiff
