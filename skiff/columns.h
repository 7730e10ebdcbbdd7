// Rows of words as a table: each column as wide as its widest word.
#pragma once

#include <string>
#include <vector>

namespace skiff {

// All rows have as many words as the first, which is there. No column but the last is narrower than
// `width_min`, the gap behind it included.
std::string InColumns(const std::vector<std::vector<std::string>>& rows, size_t width_min = 0);

// Of the lines of a text, what a terminal shows: no escape sequences.
size_t WidestLine(const std::string& text);
// With lines of no more than `width`, 0: any, broken between words, and what follows set in: in a
// row of two columns below the second. What is to be typed, set in by six, stays whole, as a
// terminal itself breaks it in a way that can be copied.
std::string Wrapped(const std::string& text, size_t width);

}  // namespace skiff
