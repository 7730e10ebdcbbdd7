#include "base/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string_view>

namespace skiff {
namespace {

constexpr char kEscape = '\x1b';
constexpr size_t kTyped = 6;
// Where the help of flags explains them, as CLI11 writes it: one space may be all that is between.
constexpr size_t kExplained = 30;
constexpr size_t kDeeper = 4;
// A column that begins further on than this, and has less room than that, is set in by less.
constexpr size_t kDeep = 12;
constexpr size_t kRoomMin = 20;
constexpr size_t kNarrowIndent = 6;
constexpr size_t kTab = 8;  // Columns that a terminal has for one, at the beginning of a line.

// Where what a terminal shows of a line is wider than `width`; npos: nowhere.
size_t EndOfWidth(std::string_view line, size_t width) {
  bool is_escaped = false;
  size_t shown = 0;
  for (size_t i = 0; i < line.size(); ++i) {
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

// Of a line whose words begin there: where its second column does, which is where it begins itself
// if that is where a second column would be; npos: it has one column.
size_t SecondColumn(std::string_view line, size_t begin) {
  if (begin == 0 || begin > kDeep) return begin == 0 ? line.npos : begin;
  if (line[begin] == '-' && line.size() > kExplained && line[kExplained - 1] == ' ' &&
      line[kExplained] != ' ') {
    return kExplained;
  }
  return line.find_first_not_of(' ', line.find("  ", begin));
}

// Broken only behind `least`, where the words begin that may be parted.
void AppendWords(std::string_view line, size_t least, size_t indent, size_t width,
                 std::string& out) {
  for (size_t room = width;; room = width > indent ? width - indent : 1, least = 0) {
    const size_t end = EndOfWidth(line, room);
    if (end == line.npos) break;
    // The last space that fits; else the one behind a word that does not.
    size_t space = line.rfind(' ', end);
    if (space == line.npos || space <= least) space = line.find(' ', least);
    const size_t next = line.find_first_not_of(' ', space);
    if (next == line.npos) break;
    const size_t last = line.find_last_not_of(' ', space);
    out.append(line.substr(0, last + 1)).append("\n").append(indent, ' ');
    line.remove_prefix(next);
  }
  out.append(line).append("\n");
}

// What a tab sets in goes on behind another one; below that there may be too little room for it.
void AppendTabbed(std::string_view line, size_t width, std::string& out) {
  if (width < kTab + kRoomMin) {
    const std::string below = std::string(kNarrowIndent, ' ').append(line);
    return AppendWords(below, kNarrowIndent, kNarrowIndent, width, out);
  }
  std::string lines;
  AppendWords(line, 0, 0, width - kTab, lines);
  std::istringstream parts(lines);
  for (std::string part; std::getline(parts, part);) out.append("\t").append(part).append("\n");
}

void AppendWrapped(std::string_view line, size_t width, std::string& out) {
  if (line.starts_with('\t')) return AppendTabbed(line.substr(1), width, out);
  const size_t begin = line.find_first_not_of(' ');
  if (begin == line.npos || begin == kTyped || EndOfWidth(line, width) == line.npos) {
    out.append(line).append("\n");
    return;
  }
  const size_t second = SecondColumn(line, begin);
  if (second == line.npos) return AppendWords(line, begin, begin + kDeeper, width, out);
  if (second <= kDeep || second + kRoomMin <= width) {
    return AppendWords(line, second, second, width, out);
  }
  if (second > begin) {
    const size_t end = line.find_last_not_of(' ', second - 1);
    AppendWords(line.substr(0, end + 1), begin, kNarrowIndent, width, out);
  }
  const std::string below = std::string(kNarrowIndent, ' ').append(line.substr(second));
  AppendWords(below, kNarrowIndent, kNarrowIndent, width, out);
}

}  // namespace

size_t TerminalWidth() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

size_t WidestLine(const std::string& text) {
  size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    while (EndOfWidth(line, widest) != line.npos) ++widest;
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

}  // namespace skiff
