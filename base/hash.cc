#include "base/hash.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>

namespace skiff {
namespace {

constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Groups of `bits` bits as characters of `alphabet`, without padding.
std::string EncodeBits(std::string_view bytes, int bits, std::string_view alphabet) {
  std::string out;
  out.reserve(bytes.size() * 8 / static_cast<size_t>(bits) + 1);
  uint32_t pending = 0;
  int pending_bits = 0;
  const uint32_t mask = (1U << bits) - 1;
  for (const char c : bytes) {
    pending = (pending << 8) | static_cast<unsigned char>(c);
    pending_bits += 8;
    while (pending_bits >= bits) {
      pending_bits -= bits;
      out += alphabet[(pending >> pending_bits) & mask];
    }
    pending &= (1U << pending_bits) - 1;
  }
  if (pending_bits > 0) out += alphabet[(pending << (bits - pending_bits)) & mask];
  return out;
}

std::optional<std::string> DecodeBase64(std::string_view text, std::string_view alphabet) {
  std::array<int8_t, 256> value;
  value.fill(-1);
  for (size_t i = 0; i < alphabet.size(); ++i) {
    value[static_cast<unsigned char>(alphabet[i])] = static_cast<int8_t>(i);
  }
  std::string out;
  out.reserve(text.size() * 3 / 4);
  uint32_t pending = 0;
  int pending_bits = 0;
  for (const char c : text) {
    const int8_t digit = value[static_cast<unsigned char>(c)];
    if (digit < 0) return std::nullopt;
    pending = ((pending << 6) | static_cast<uint32_t>(digit)) & 0xFFFFFF;
    pending_bits += 6;
    if (pending_bits >= 8) {
      pending_bits -= 8;
      out += static_cast<char>((pending >> pending_bits) & 0xFF);
    }
  }
  return pending_bits == 6 ? std::nullopt : std::optional(std::move(out));
}

}  // namespace

std::string Sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string Sha512(std::string_view bytes) {
  std::string digest(SHA512_DIGEST_LENGTH, '\0');
  SHA512(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string HmacSha256(std::string_view key, std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
       reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return digest;
}

std::string Base32(std::string_view bytes) {
  std::string out = EncodeBits(bytes, 5, kBase32);
  while (out.size() % 8 != 0) out += '=';
  return out;
}

std::string Base64(std::string_view bytes) {
  std::string out = EncodeBits(bytes, 6, kBase64);
  while (out.size() % 4 != 0) out += '=';
  return out;
}

std::optional<std::string> FromBase64(std::string_view text) {
  std::string packed;
  packed.reserve(text.size());
  for (const char c : text) {
    if (c != '\n' && c != '\r') packed += c;
  }
  if (packed.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && packed.ends_with('='); ++padding) packed.pop_back();
  return DecodeBase64(packed, kBase64);
}

std::string Base64Url(std::string_view bytes) {
  return EncodeBits(bytes, 6, kBase64Url);
}

std::optional<std::string> FromBase64Url(std::string_view text) {
  return DecodeBase64(text, kBase64Url);
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

uint32_t Fnv1a32(std::string_view bytes) {
  uint32_t hash = 2166136261U;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16777619U;
  }
  return hash;
}

}  // namespace skiff
