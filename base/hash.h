// Digests and text encodings of bytes; the door to OpenSSL's EVP digests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skiff {

// 32 raw bytes.
std::string Sha256(std::string_view bytes);
// 64 raw bytes.
std::string Sha512(std::string_view bytes);
// 32 raw bytes.
std::string HmacSha256(std::string_view key, std::string_view bytes);
// RFC 4648, upper case, padded with '='.
std::string Base32(std::string_view bytes);
std::string Base64(std::string_view bytes);
// nullopt when the text is not padded standard base64. Line breaks are passed over, as in Go.
std::optional<std::string> FromBase64(std::string_view text);
// RFC 4648 section 5, without padding, as JWTs use.
std::string Base64Url(std::string_view bytes);
std::optional<std::string> FromBase64Url(std::string_view text);
// Lower case.
std::string Hex(std::string_view bytes);
// FNV-1a, 32 bits: short names from contents (pod template hashes).
uint32_t Fnv1a32(std::string_view bytes);

}  // namespace skiff
