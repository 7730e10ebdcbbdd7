// Base64 with the alphabet of URLs and no padding (RFC 4648, section 5): JWTs, continue tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skiff {

std::string Base64UrlEncode(std::string_view bytes);
// nullopt for text that is not of the alphabet or has a wrong length.
std::optional<std::string> Base64UrlDecode(std::string_view text);
// The usual alphabet, padded.
std::string Base64Encode(std::string_view bytes);

}  // namespace skiff
