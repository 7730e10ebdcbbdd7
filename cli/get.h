// `get`: objects as the server's tables, or as -o says.
#pragma once

#include "cli/manifest.h"
#include "cli/printers.h"
#include "cli/selection.h"
#include "cli/table_printer.h"

namespace skiff::cli {

struct GetFlags {
  PrintFlags print;
  FileFlags files;
  SelectorFlags selectors;
  std::string raw;
  std::string sort_by;
  std::string subresource;
  std::vector<std::string> label_columns;
  bool ignore_not_found = false;
  bool no_headers = false;
  bool show_kind = false;
  bool show_labels = false;
  bool watch = false;
  bool watch_only = false;
  bool output_watch_events = false;
  int chunk_size = 500;
  bool server_print = true;
  std::string at;
  uint64_t at_revision = 0;  // What that comes to; 0: now.

  void AddTo(Command& command);
  // Tables of the server, not objects.
  bool human() const {
    return (print.output.empty() && print.template_.empty()) || print.output == "wide";
  }
  bool custom_columns() const;  // From the command line or a file.
  TableOptions Table(bool several_kinds, const Resource& resource) const;
};

// What the server is asked for to print a kind.
inline constexpr char kTableAccept[] =
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

Result<> RunGet(Command& command, const Args& args);
// The -w part, in get_watch.cc.
Result<> WatchSelection(Command& command, const GetFlags& flags, const Selections& selections);
// NAME:.path,... of custom columns; errors are those of reading the file that has them.
Result<std::string> ColumnsSpec(const GetFlags& flags);
// "No resources found in default namespace."
std::string NothingFoundText(const std::string& namespace_);

}  // namespace skiff::cli
