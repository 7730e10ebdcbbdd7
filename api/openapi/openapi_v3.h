// OpenAPI v3: one document a group and version, as kubectl's explain and apply read it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/openapi/discovery.h"

namespace skiff {

// "api/v1", "apis/apps/v1", "version", ...; sorted.
std::vector<std::string> OpenApiV3Keys(KindList kinds);
// The JSON text of /openapi/v3/<key>; nullopt when there is none. Up to 1.5 MB, made anew each
// time: callers keep what they want kept.
std::optional<std::string> OpenApiV3Document(KindList kinds, std::string_view key);
// The same as a message openapi.v3.Document, for those who ask for
// application/com.github.proto-openapi.spec.v3.v1.0+protobuf.
std::optional<std::string> OpenApiV3Protobuf(KindList kinds, std::string_view key);
// The text of /openapi/v3, from the keys and the hash of each document (upper case hex).
std::string OpenApiV3Index(const std::vector<std::pair<std::string, std::string>>& hashes);

}  // namespace skiff
