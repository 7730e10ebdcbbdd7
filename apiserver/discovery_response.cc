#include "apiserver/discovery_response.h"

namespace skiff {

std::optional<Result<http::Response>> DiscoveryResponse(const NonResourceParts&, ApiRequest&) {
  return std::nullopt;
}

}  // namespace skiff
