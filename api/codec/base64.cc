#include "api/codec/base64.h"

#include <array>
#include <cstdint>

namespace skiff {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> MakeValues() {
  std::array<int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  return values;
}
constexpr std::array<int8_t, 256> kValues = MakeValues();

tl::unexpected<Error> Corrupt(size_t at) {
  return Fail(Reason::kBadRequest, "illegal base64 data at input byte " + std::to_string(at));
}

void SkipBreaks(std::string_view text, size_t& at) {
  while (at < text.size() && (text[at] == '\n' || text[at] == '\r')) ++at;
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (size_t j = 0; j < 4; ++j) {
      const bool padding = i + j > bytes.size();
      out += padding ? '=' : kAlphabet[group >> (18 - 6 * j) & 63];
    }
  }
  return out;
}

Result<std::string> DecodeBase64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  size_t at = 0;
  while (true) {
    uint32_t group = 0;
    size_t count = 0;
    for (; count < 4; ++count) {
      SkipBreaks(text, at);
      if (at >= text.size()) {
        if (count == 0) return out;
        return Corrupt(at - count);
      }
      const int8_t value = kValues[static_cast<unsigned char>(text[at])];
      if (value < 0) break;
      group = group << 6 | static_cast<uint32_t>(value);
      ++at;
    }
    for (size_t j = 0; j + 1 < count; ++j) {
      out += static_cast<char>(group << (24 - 6 * count) >> (16 - 8 * j) & 255);
    }
    if (count == 4) continue;
    if (text[at] != '=' || count < 2) return Corrupt(at);
    ++at;
    if (count == 2) {
      SkipBreaks(text, at);
      if (at >= text.size()) return Corrupt(text.size());
      if (text[at] != '=') return Corrupt(at - 1);
      ++at;
    }
    SkipBreaks(text, at);
    if (at < text.size()) return Corrupt(at);
    return out;
  }
}

}  // namespace skiff
