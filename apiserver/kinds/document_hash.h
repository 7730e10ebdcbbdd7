// By which clients know a document of discovery or OpenAPI again: in its ETag, and in /openapi/v3.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

// SHA-512 of the text, upper case hex.
std::string DocumentHash(std::string_view text);

}  // namespace skiff
