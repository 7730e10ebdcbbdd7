#include "skiff/removal.h"

#include <fmt/format.h>

#include "skiff/host_facts.h"

namespace skiff {

Result<Removal> RemovalOf(const std::string& data_dir, const DataDirFact& found) {
  const auto refuse = [&](const char* why) {
    return Fail(Reason::kNotFound,
                fmt::format("{} {}; nothing was touched (which cluster is meant says --data-dir)",
                            data_dir, why));
  };
  if (found.is_file) return refuse("is no directory: there is no cluster to take down");
  if (!found.exists) return refuse("does not exist: there is no cluster to take down");
  if (found.foreign) return refuse("holds files that are no cluster's");
  if (found.empty) return refuse("is empty: there is no cluster to take down");
  if (!found.started) return refuse("holds nothing that `skiff up` or `skiff join` began");
  // Without the mark nothing was started from it: it got no further than its log.
  const bool has_node = found.has_mark && found.simulated_nodes == 0;
  return Removal{
      .files = true, .node = has_node, .containerd = found.has_containerd && !has_node};
}

}  // namespace skiff
