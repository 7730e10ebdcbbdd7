// What a terminal shows.
#pragma once

#include <cstddef>
#include <string>

namespace skiff {

// Columns of the terminal that standard output goes to; 0 where it goes to none.
size_t TerminalWidth();

// Of the lines of a text, what a terminal shows: no escape sequences.
size_t WidestLine(const std::string& text);

// With lines of no more than `width`, 0: any, broken between words. What goes on is set in: in a
// row of two columns, as the help of flags has them, below the second, unless that leaves it too
// little room. A line that a tab sets in goes on behind another one. What is to be typed, set in by
// six, stays whole, as a terminal itself breaks it in a way that can be copied; so does a word that
// is wider than a line.
std::string Wrapped(const std::string& text, size_t width);

}  // namespace skiff
