// Text of objects, which anybody may have written, on somebody's terminal.
#pragma once

#include <string>
#include <string_view>

namespace skiff::cli {

// Without what a terminal would take for a command, as kubectl writes it: an escape is "^[", a
// carriage return "\r".
std::string TerminalText(std::string_view text);

}  // namespace skiff::cli
