// Discovery and OpenAPI documents as answers, with their ETags.
#pragma once

#include <optional>

#include "apiserver/server/non_resource.h"

namespace skiff {

// nullopt for a path that is neither.
std::optional<Result<http::Response>> DiscoveryResponse(const NonResourceParts& parts,
                                                        ApiRequest& request);

}  // namespace skiff
