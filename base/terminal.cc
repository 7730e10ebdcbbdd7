#include "base/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <sstream>
#include <string_view>

namespace skiff {
namespace {

// Where explanations begin, as CLI11 writes them.
constexpr size_t kExplained = 30;
// Where so few columns are left for them, what goes on is set in by less.
constexpr size_t kExplanationMin = 20;
constexpr size_t kNarrowIndent = 6;

void AppendHelpLine(std::string_view line, size_t width, std::string& out) {
  const size_t indent = width < kExplained + kExplanationMin ? kNarrowIndent : kExplained;
  for (size_t room = width; line.size() > room; room = width > indent ? width - indent : 1) {
    const size_t words = line.find_first_not_of(' ');
    // The last space that fits; else the one behind a word that does not.
    size_t space = line.rfind(' ', room);
    if (space == line.npos || space < words) space = line.find(' ', words);
    const size_t next = line.find_first_not_of(' ', space);
    if (next == line.npos) break;
    const size_t end = line.find_last_not_of(' ', space);
    out.append(line.substr(0, end + 1)).append("\n").append(indent, ' ');
    line.remove_prefix(next);
  }
  out.append(line).append("\n");
}

}  // namespace

size_t TerminalWidth() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

std::string HelpWithin(const std::string& help, size_t width) {
  if (width == 0) return help;
  std::string narrowed;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) AppendHelpLine(line, width, narrowed);
  return narrowed;
}

}  // namespace skiff
