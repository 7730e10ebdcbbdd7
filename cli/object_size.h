// How large an object may be that is sent to a server.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/values.h"

namespace skiff::cli {

// Servers take no larger requests, and etcd keeps no larger object: of a built-in kind as protobuf.
inline constexpr size_t kRequestBytesMax = 3 << 20;
inline constexpr size_t kObjectBytesMax = 3 << 19;
// Of an object whose JSON that is; nullopt: of no built-in kind, or of fields that have other
// types.
std::optional<std::string> ProtobufOf(const Json& object, std::string_view json);

}  // namespace skiff::cli
