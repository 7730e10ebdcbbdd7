// Words for who pastes them into a shell.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

// One that a shell reads back as this text, and that no command takes for a flag: quoted where it
// has to be.
std::string ShellWord(std::string_view text);

}  // namespace skiff
