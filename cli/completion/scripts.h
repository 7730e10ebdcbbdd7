// What shells are given to ask us for completions: scripts over `PROGRAM __complete WORDS...`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skiff::cli {

inline constexpr const char* kShells[] = {"bash", "zsh", "fish"};

// "" for a shell that there is no script for.
std::string CompletionScript(std::string_view shell, std::string_view program);

}  // namespace skiff::cli
