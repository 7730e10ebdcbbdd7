// Text as code points and back.
#pragma once

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

}  // namespace skiff::cel
