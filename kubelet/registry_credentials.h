// The credentials that a pod's pull secrets hold, or files and programs of the node, and which of
// them are for an image. Pure.
//
// An entry of a secret names a registry, or a path of it: "registry.example.com",
// "https://quay.io/v1/", "quay.io/coreos", "*.example.com:5000". An image gets all whose host
// matches part by part and whose path its own begins with, the most specific first: each is tried
// until one is taken.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

// A secret, and the digest of what was taken from it; or a service account, for which a program of
// the node has given it.
struct PullSecret {
  std::string uid, name_space, name, hash;
  bool is_account = false;
};

struct TrackedAuth : cri::RegistryAuth {
  PullSecret secret;        // That it comes from,
  bool is_for_all = false;  // unless all pods of the node may use it.
};

// Whether a pattern, "*.example.com:5000/team", is for an image, "docker.io/library/busybox".
bool ImageMatches(const std::string& pattern, const std::string& image);

class RegistryCredentials {
 public:
  // Adds what a secret of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg holds; one
  // of any other type has none. Fails when its text is not what its type says.
  Result<> Add(const core_v1::Secret& secret);
  // What a file of the node holds, config.json of Docker or, where `is_json` is false, .dockercfg:
  // all of its pods may use it.
  Result<> AddFile(const std::string& text, bool is_json);
  // By their keys.
  void Add(std::vector<std::pair<std::string, TrackedAuth>> auths);

  // Those to try for an image; none: it is pulled without.
  std::vector<TrackedAuth> For(const std::string& image) const;

 private:
  struct Entry {
    std::string host, path;  // Of the key: the path without slashes at its ends.
    TrackedAuth auth;
  };
  Result<> AddText(const std::string& text, bool is_json, const TrackedAuth& source);
  void AddEntry(const std::string& key, TrackedAuth auth);
  void Sort();

  std::vector<Entry> entries_;  // Most specific first.
};

}  // namespace skiff::kubelet
