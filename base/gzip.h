// Text packed as gzip does: for clients that take it so, and for what is kept and seldom read.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

enum class GzipLevel : int { kFastest = 1, kSmallest = 9 };

// The same text makes the same bytes at each level: no time is written.
std::string Gzip(std::string_view text, GzipLevel level = GzipLevel::kFastest);
// Back; "" on text that is not gzip. Whatever it comes to is held: for what was packed here.
std::string Gunzip(std::string_view bytes);

}  // namespace skiff
