// What a terminal shows.
#pragma once

#include <cstddef>
#include <string>

namespace skiff {

// Columns of the terminal that standard output goes to; 0 where it goes to none.
size_t TerminalWidth();

// The help of flags, in lines of no more than `width` columns, 0: any: broken between words, what
// goes on set in below the column of explanations. A word that is wider than that stays whole.
std::string HelpWithin(const std::string& help, size_t width);

}  // namespace skiff
