#include "cli/colours.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace skiff::cli {

bool OutputHasColours() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string_view(value ? value : "");
  };
  const std::string_view terminal = variable("TERM");
  return isatty(STDOUT_FILENO) && variable("NO_COLOR").empty() && !terminal.empty() &&
         terminal != "dumb";
}

std::string Colours::In(std::string_view code, std::string_view text) const {
  if (!are_shown_ || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string Colours::Diff(std::string_view text) const {
  if (!are_shown_) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const bool is_name =
        line.starts_with("diff ") || line.starts_with("--- ") || line.starts_with("+++ ");
    if (is_name || line.starts_with("@@")) {
      out += Faint(line);
    } else if (line.starts_with('+')) {
      out += Good(line);
    } else if (line.starts_with('-')) {
      out += In("31", line);
    } else {
      out += line;
    }
    text.remove_prefix(line.size());
    if (text.empty()) break;
    out += '\n';
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace skiff::cli
