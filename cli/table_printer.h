// meta.k8s.io Tables as kubectl prints them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "cli/tab_writer.h"

namespace skiff::cli {

struct TableOptions {
  bool wide = false;
  bool headers = true;
  bool with_namespace = false;
  bool show_labels = false;
  std::vector<std::string> label_columns;
  std::string name_prefix;  // "pod/": in front of the names.
};

// Prints one table in pieces, as a watch does: headers once, columns that only widen.
class TablePrinter {
 public:
  explicit TablePrinter(TableOptions options) : options_(std::move(options)) {}
  // The rows of `table`; `event` is the first cell of each, unless it is "". The headers stand
  // above the first rows.
  std::string Print(const Json& table, const std::string& event = "");

 private:
  void WriteHeaders(const std::string& event);
  void WriteRow(const Json& row, const std::string& event);

  const TableOptions options_;
  TabWriter writer_ = MakeTableWriter();
  // Of the first table: events of a watch carry none.
  Json columns_;
  bool headers_written_ = false;
};

// As ParseJson, but of the objects in a Table's rows only what TablePrinter looks at: name,
// namespace and labels. Of a node as a row that is a tenth.
Result<Json> ParseTable(std::string_view text);

// Sorts rows (by the object in each) or objects by what a path finds. Fails when none of several
// has it; with kInvalid where it is a list or an object in one of them.
Result<> SortByPath(const std::string& path, std::vector<Json>& items, bool rows);

// A cell as text: one line, no control characters.
std::string CellText(const Json& cell);

}  // namespace skiff::cli
