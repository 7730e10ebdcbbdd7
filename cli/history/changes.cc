#include "cli/history/changes.h"

#include <algorithm>

#include "cli/describe_pod.h"
#include "cli/json_text.h"
#include "cli/kinds.h"
#include "cli/tab_writer.h"

namespace skiff::cli {

void Changes::Add(const Resource& resource, const Json& then, const Json& now) {
  const Json& there = now.is_null() ? then : now;
  const bool is_both = !then.is_null() && !now.is_null();
  Row row{.change = is_both          ? "changed"
                    : then.is_null() ? "created"
                                     : "deleted",
          .resource = resource,
          .namespace_ = NamespaceOf(there),
          .controller = is_both ? "" : ControllerText(there),
          .names = {NameOf(there)}};
  ++count_;
  const auto is_alike = [&](const Row& each) {
    return each.change == row.change && each.resource == row.resource &&
           each.namespace_ == row.namespace_ && each.controller == row.controller;
  };
  const auto alike =
      row.controller.empty() ? rows_.end() : std::find_if(rows_.begin(), rows_.end(), is_alike);
  if (alike == rows_.end()) {
    rows_.push_back(std::move(row));
  } else {
    alike->names.push_back(row.names[0]);
  }
}

std::string Changes::Text(bool with_namespaces) const {
  if (rows_.empty()) return "";
  TabWriter table = MakeTableWriter();
  table.Write(
      fmt::format("CHANGE\t{}OBJECT\tCONTROLLED BY\n", with_namespaces ? "NAMESPACE\t" : ""));
  for (const Row& row : rows_) {
    const std::string object = row.names.size() == 1
                                   ? KindName(row.resource) + "/" + row.names[0]
                                   : fmt::format("{} {}", row.names.size(), row.resource.name);
    table.Write(fmt::format("{}\t{}{}\t{}\n", row.change,
                            with_namespaces ? row.namespace_ + "\t" : "", object, row.controller));
  }
  return table.Flush();
}

}  // namespace skiff::cli
