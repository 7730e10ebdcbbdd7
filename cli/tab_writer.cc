#include "cli/tab_writer.h"

#include <algorithm>

#include "api/text/runes.h"

namespace skiff::cli {

void TabWriter::Write(std::string_view text) {
  for (const char c : text) {
    if (c == '\t') {
      lines_.back().emplace_back();
    } else if (c == '\n') {
      lines_.emplace_back(1);
    } else {
      lines_.back().back() += c;
    }
  }
}

std::string TabWriter::Flush() {
  std::string out;
  widths_.clear();
  Format(0, lines_.size(), out);
  lines_ = {Line(1)};
  return out;
}

void TabWriter::Format(size_t first, size_t last, std::string& out) {
  const size_t column = widths_.size();
  for (size_t at = first; at < last; ++at) {
    if (column + 1 >= lines_[at].size()) continue;
    WriteLines(first, at, out);
    first = at;
    size_t width = options_.min_width;
    for (; at < last && column + 1 < lines_[at].size(); ++at) {
      width = std::max(width, RuneCount(lines_[at][column]) + options_.padding);
    }
    if (options_.remember_widths) {
      if (remembered_.size() <= column) remembered_.resize(column + 1);
      width = remembered_[column] = std::max(width, remembered_[column]);
    }
    widths_.push_back(width);
    Format(first, at, out);
    widths_.pop_back();
    first = at;
  }
  WriteLines(first, last, out);
}

void TabWriter::WriteLines(size_t first, size_t last, std::string& out) const {
  for (size_t at = first; at < last; ++at) {
    const Line& line = lines_[at];
    for (size_t column = 0; column < line.size(); ++column) {
      out += line[column];
      if (column < widths_.size() && column + 1 < line.size()) {
        out.append(widths_[column] - RuneCount(line[column]), ' ');
      }
    }
    if (at + 1 < lines_.size()) out += '\n';
  }
}

}  // namespace skiff::cli
