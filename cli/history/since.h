// `diff --since`: what has changed in the cluster.
#pragma once

#include <string>

#include "cli/command.h"

namespace skiff::cli {

struct SinceFlags {
  std::string since;
  std::string selector;
  bool all_namespaces = false;
  bool show_managed_fields = false;
  bool has_files = false;
  bool is_brief = false;  // The list alone.
};

// Of the kinds and names that the command's words name, else of all kinds but Events and Leases:
// what has changed as a list, where that is more than one object, and as a diff. Whether anything
// has changed.
Result<bool> ShowSince(Command& command, const SinceFlags& flags);

}  // namespace skiff::cli
