// Text as code points and back.
#pragma once

#include <string>
#include <string_view>

namespace skiff::cel {

// What is no UTF-8 becomes U+FFFD, a byte each.
std::u32string RunesOf(std::string_view text);
// UTF-8 of the runes from `begin` up to `end`.
std::string TextOf(const std::u32string& runes, size_t begin, size_t end);
// Bytes of the first code point; 0 of nothing.
size_t RuneLength(std::string_view text);

}  // namespace skiff::cel
