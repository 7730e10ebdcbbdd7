// Text packed as gzip does, at its fastest level: for clients that take it so, and for what is kept
// and seldom read.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

// gzip, and back; "" on text that is not gzip.
std::string Gzip(std::string_view text);
std::string Gunzip(std::string_view bytes);

}  // namespace skiff
