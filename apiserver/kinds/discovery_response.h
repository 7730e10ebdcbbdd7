// Discovery documents as answers, with their ETags.
#pragma once

#include <optional>
#include <string_view>

#include "apiserver/server/non_resource.h"

namespace skiff {

// nullopt for a path of none.
std::optional<Result<http::Response>> DiscoveryResponse(const NonResourceParts& parts,
                                                        ApiRequest& request);

// "/apis/GROUP": the versions are known by their APIServices, whoever can read their definitions.
bool IsListOfVersions(std::string_view path);

}  // namespace skiff
