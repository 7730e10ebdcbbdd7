// Columns of text that are as wide as their widest cell, after Go's text/tabwriter: cells end with
// a tab; a column is made of the cells of consecutive lines that have one there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skiff::cli {

class TabWriter {
 public:
  struct Options {
    size_t min_width = 0;
    size_t padding = 2;
    // Columns never get narrower than they were in an earlier Flush.
    bool remember_widths = false;
  };
  TabWriter() = default;
  explicit TabWriter(Options options) : options_(options) {}
  void Write(std::string_view text);
  // The text so far, aligned; what is written from now on makes columns of its own.
  std::string Flush();

 private:
  using Line = std::vector<std::string>;
  void Format(size_t first, size_t last, std::string& out);
  void WriteLines(size_t first, size_t last, std::string& out) const;

  Options options_;
  std::vector<Line> lines_ = {Line(1)};
  std::vector<size_t> widths_;  // Of the columns to the left of the one being formatted.
  std::vector<size_t> remembered_;
};

// Kubernetes' tables: at least 6 wide, 3 apart.
inline TabWriter MakeTableWriter() {
  return TabWriter({.min_width = 6, .padding = 3, .remember_widths = true});
}

}  // namespace skiff::cli
