// A kind as a client addresses it; also of kinds that are known only at run time (CRDs).
#pragma once

#include <string>

#include "api/type.h"
#include "base/error.h"
#include "client/object_key.h"

namespace skiff {

struct Resource {
  Resource() = default;
  Resource(const KindInfo& info)  // NOLINT: a built-in kind is a Resource.
      : api_version(info.api_version),
        kind(info.kind),
        name(info.resource),
        namespaced(info.namespaced) {}
  std::string api_version;  // "apps/v1", "v1"
  std::string kind;         // "Deployment"
  std::string name;         // "deployments"
  bool namespaced = true;

  // "" for core.
  std::string Group() const;
  // "/apis/apps/v1/namespaces/default/deployments/web/status". Names may come from anybody, such as
  // those of owners: fails with BadRequest on one that would lead elsewhere, in client-go's words.
  Result<std::string> Path(const ObjectKey& key, const std::string& subresource = "") const;
  // "/api/v1/namespaces/default/pods"; an empty namespace names all of them.
  Result<std::string> CollectionPath(const std::string& namespace_ = "") const;
  auto operator<=>(const Resource&) const = default;
};

}  // namespace skiff
