// The credentials that a pod's pull secrets hold, and which of them are for an image. Pure.
//
// An entry of a secret names a registry, or a path of it: "registry.example.com",
// "https://quay.io/v1/", "quay.io/coreos", "*.example.com:5000". An image gets all whose host
// matches part by part and whose path its own begins with, the most specific first: each is tried
// until one is taken.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

// A secret, and the digest of what was taken from it.
struct PullSecret {
  std::string uid, name_space, name, hash;
};

struct TrackedAuth : cri::RegistryAuth {
  PullSecret secret;  // That it comes from.
};

class RegistryCredentials {
 public:
  // Adds what a secret of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg holds; one
  // of any other type has none. Fails when its text is not what its type says.
  Result<> Add(const core_v1::Secret& secret);

  // Those to try for an image; none: it is pulled without.
  std::vector<TrackedAuth> For(const std::string& image) const;

 private:
  struct Entry {
    std::string host, path;  // Of the key: the path without slashes at its ends.
    TrackedAuth auth;
  };
  void AddEntry(const std::string& key, TrackedAuth auth);

  std::vector<Entry> entries_;  // Most specific first.
};

}  // namespace skiff::kubelet
