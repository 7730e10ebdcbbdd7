// Text of objects, which anybody may have written, on somebody's terminal.
#pragma once

#include <string>
#include <string_view>

namespace skiff::cli {

// Without what a terminal would take for a command, as kubectl writes it: an escape is "^[", a
// carriage return "\r".
std::string TerminalText(std::string_view text);
// Without any control character but tabs and ends of lines: where nothing of kubectl's is to be
// matched.
std::string WithoutControls(std::string_view text);

}  // namespace skiff::cli
