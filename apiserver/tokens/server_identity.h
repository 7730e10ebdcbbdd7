// By which name metrics tell one API server from another.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

// "apiserver-" and a digest of this machine's name, as kube-apiserver is called.
std::string ServerIdentity();
// "sha256:..." of what metrics do not show; "" of nothing.
std::string MetricDigest(std::string_view text);

}  // namespace skiff
