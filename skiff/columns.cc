#include "skiff/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string_view>

namespace skiff {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::string_view kTyped = "      ";
constexpr size_t kDeeper = 4;

// Where what a terminal shows of a line, behind `begin`, is wider than `width`; npos: nowhere.
size_t EndOfWidth(std::string_view line, size_t begin, size_t width) {
  bool is_escaped = false;
  size_t shown = 0;
  for (size_t i = begin; i < line.size(); ++i) {
    if (is_escaped) {
      is_escaped = line[i] != 'm';
    } else if (line[i] == kEscape) {
      is_escaped = true;
    } else if ((line[i] & 0xc0) != 0x80 && ++shown > width) {  // A byte that begins a character.
      return i;
    }
  }
  return line.npos;
}

// Of what goes on below a line: the second column, where it is a row of two.
size_t IndentBelow(std::string_view line) {
  const size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const size_t gap = line.find("   ", begin);
  const size_t word = line.find(' ', begin);
  if (begin == 0 || gap == line.npos || gap != word) return begin + kDeeper;
  return std::min(line.find_first_not_of(' ', gap), line.size());
}

void AppendWrapped(std::string_view line, size_t width, std::string& out) {
  const std::string indent(IndentBelow(line), ' ');
  size_t begin = 0;
  for (size_t room = width; !line.starts_with(kTyped); room = width - indent.size()) {
    const size_t end = EndOfWidth(line, begin, room);
    if (end == line.npos) break;
    const size_t words = std::max(begin, line.find_first_not_of(' ', begin));
    // At the last space that fits, or behind a word that does not.
    size_t space = line.rfind(' ', end);
    if (space == line.npos || space <= std::max(words, begin == 0 ? indent.size() : begin)) {
      space = line.find(' ', end);
    }
    if (space == line.npos) break;
    out.append(line.substr(begin, space - begin)).append("\n").append(indent);
    begin = line.find_first_not_of(' ', space);
    if (begin == line.npos) begin = line.size();
    if (indent.size() + kDeeper >= width) break;
  }
  out.append(line.substr(begin)).append("\n");
}

}  // namespace

size_t WidestLine(const std::string& text) {
  size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    while (EndOfWidth(line, 0, widest) != line.npos) ++widest;
  }
  return widest;
}

std::string Wrapped(const std::string& text, size_t width) {
  if (width == 0) return text;
  std::string wrapped;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) AppendWrapped(line, width, wrapped);
  return wrapped;
}

std::string InColumns(const std::vector<std::vector<std::string>>& rows, size_t width_min) {
  constexpr size_t kGap = 3;
  std::vector<size_t> widths(rows[0].size(), width_min);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + kGap);
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) text += fmt::format("{:<{}}", row[i], widths[i]);
    text += row.back() + "\n";
  }
  return text;
}

}  // namespace skiff
