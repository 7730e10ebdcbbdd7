// By which name others tell one API server from another: its Lease in kube-system has it, and
// metrics a digest of it.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

// This machine's, as the kernel has it.
std::string ThisHost();
// How kube-apiserver is called on a machine of that name: "apiserver-" and a digest of it.
std::string ServerIdentityOf(std::string_view host);
inline std::string ServerIdentity() {
  return ServerIdentityOf(ThisHost());
}
// "sha256:..." of what metrics do not show; "" of nothing.
std::string MetricDigest(std::string_view text);

}  // namespace skiff
