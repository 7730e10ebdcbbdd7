// Texts as Go's programs write them in quotes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skiff {

// What stands for itself or is escaped between two of `quote`, '"' or '\'': strconv.UnquoteChar, of
// each character. "\x41\101\u00e9\n" is "AAé" and a line feed. Nothing: there is a bare quote, a
// line feed, or what is no escape of Go's.
std::optional<std::string> GoUnquoted(std::string_view inner, char quote);

}  // namespace skiff
