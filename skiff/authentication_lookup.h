// What the cluster itself says of who may show a certificate, or name a user in headers: its
// ConfigMap kube-system/extension-apiserver-authentication.
#pragma once

#include "client/client.h"
#include "skiff/component.h"

namespace skiff {

// Fills in what `flags` name no files for, as kube-controller-manager does with
// --authentication-kubeconfig. Where there is no such ConfigMap, nothing. Fails in Kubernetes'
// words when it cannot be read, unless the flags tolerate that.
Result<> LookUpAuthentication(Client& client, ServingFlags& flags);

}  // namespace skiff
