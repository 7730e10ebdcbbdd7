// The certificates of a cluster that `skiff up` makes, and the administrator's kubeconfig.
#pragma once

#include <string>

#include "apiserver/auth/pki.h"
#include "skiff/cluster.h"

namespace skiff {

// The authority, the kubelet of this machine, the server towards kubelets, the administrator; the
// server towards other API servers, by an authority of its own.
Result<Pki> MakeClusterPki(const ClusterOptions& options, const Clock& clock);

Result<> WriteAdminKubeconfig(const ClusterOptions& options, const Pki& pki);

// "https://127.0.0.1:6443", as that names it.
std::string AdminServerUrl(const ClusterOptions& options);
// HOST of HOST:PORT; "" when it is not of that form.
std::string HostOf(const std::string& endpoint);
// "https://10.0.0.5:6443", by which other machines reach the server.
std::string ServerUrlOf(const ClusterOptions& options);

}  // namespace skiff
