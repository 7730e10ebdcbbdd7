// Which resources the server has, as it tells itself.
#pragma once

#include <string>
#include <vector>

#include "client/client.h"

namespace skiff {

struct ServedResource {
  Resource resource;
  std::vector<std::string> verbs;
  bool Has(std::string_view verb) const;
};

struct ServedResources {
  // Each once, in the version that the server prefers for its group, or else in the first of the
  // others that has it; no subresources.
  std::vector<ServedResource> resources;
  // Groups that could not be asked, in Kubernetes' words: "metrics.k8s.io/v1beta1: stale ...".
  std::vector<std::string> failures;
};

// Those of one version, "apps/v1".
Result<ServedResources> ResourcesIn(Client& client, const std::string& api_version);
// Fails only when not even the list of groups can be had.
Result<ServedResources> Discover(Client& client);

}  // namespace skiff
