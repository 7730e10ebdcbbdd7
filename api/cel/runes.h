// Text as code points and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skiff::cel {

// What is no UTF-8 becomes U+FFFD, a byte each.
std::u32string RunesOf(std::string_view text);
// UTF-8 of the runes from `begin` up to `end`.
std::string TextOf(const std::u32string& runes, size_t begin, size_t end);
// The first `wanted` in `text` from a byte on, or npos; in time that grows with both, not with
// their product.
size_t FindText(std::string_view text, std::string_view wanted, size_t from);
// Bytes of the first code point; 0 of nothing.
size_t RuneLength(std::string_view text);
// The first code point, U+FFFD where it is no UTF-8.
char32_t FirstRune(std::string_view text);
// Where the code point at `index` begins, the end of the text counted as one; nullopt: there is
// none.
std::optional<size_t> PlaceOfRune(std::string_view text, int64_t index);

}  // namespace skiff::cel
