#include "cli/history/changes.h"

#include "cli/describe_pod.h"
#include "cli/json_text.h"
#include "cli/kinds.h"
#include "cli/tab_writer.h"

namespace skiff::cli {

bool IsRecreated(const Json& then, const Json& now) {
  return !then.is_null() && !now.is_null() &&
         TextAt(then, "metadata", "uid") != TextAt(now, "metadata", "uid");
}

void Changes::Add(const Resource& resource, const Json& then, const Json& now) {
  const Json& there = now.is_null() ? then : now;
  const std::string change = then.is_null()           ? "created"
                             : now.is_null()          ? "deleted"
                             : IsRecreated(then, now) ? "recreated"
                                                      : "changed";
  Row row{.change = change,
          .resource = resource,
          .namespace_ = NamespaceOf(there),
          .controller = change == "changed" ? "" : ControllerText(there),
          .name = NameOf(there)};
  ++count_;
  if (!row.controller.empty()) {
    const auto [place, is_first] = places_.try_emplace(row.Alike(), rows_.size());
    if (!is_first) {
      ++rows_[place->second].count;
      return;
    }
  }
  rows_.push_back(std::move(row));
}

std::string Changes::Text(bool with_namespaces) const {
  if (rows_.empty()) return "";
  TabWriter table = MakeTableWriter();
  table.Write(
      fmt::format("CHANGE\t{}OBJECT\tCONTROLLED BY\n", with_namespaces ? "NAMESPACE\t" : ""));
  for (const Row& row : rows_) {
    const std::string object = row.count == 1 ? KindName(row.resource) + "/" + row.name
                                              : fmt::format("{} {}", row.count, row.resource.name);
    table.Write(fmt::format("{}\t{}{}\t{}\n", row.change,
                            with_namespaces ? row.namespace_ + "\t" : "", object, row.controller));
  }
  return table.Flush();
}

}  // namespace skiff::cli
