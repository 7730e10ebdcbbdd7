// What an apply leaves behind: objects that an earlier one made, and that the files of this one do
// not have any more (--prune).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/delete.h"
#include "cli/json_text.h"
#include "cli/session.h"

namespace skiff::cli {

// What an apply has met so far.
struct Visited {
  std::set<std::string> uids;
  std::set<std::string> namespaces;
  void Add(const Json& object) { uids.insert(TextAt(object, "metadata", "uid")); }
};

// The kinds that are looked through.
struct PruneKinds {
  std::vector<ServedKind> kinds;
  bool by_default = false;  // Nobody has named them.
};
// By --prune-allowlist, "group/version/Kind" each; kubectl's own list without any.
Result<PruneKinds> PruneKindsOf(Session& session, const std::vector<std::string>& allowlist);
// In kubectl's words, that kinds outside namespaces are among those that nobody has named.
void WarnOfClusterKinds(Command& command, const PruneKinds& kinds);

// The objects of those kinds that carry the annotation of an apply, match the label selector, and
// were not met.
Result<std::vector<Target>> FindToPrune(Session& session, const PruneKinds& kinds,
                                        const std::string& selector, const Visited& visited);

// Deletes the objects and prints "pruned" for each.
struct PruneOptions {
  const WriteFlags& write;
  const DeleteFlags& deletion;
};
Result<> Prune(Command& command, const std::vector<Target>& targets, const PruneOptions& options);

// "/v1, Kind=ConfigMap", as Go prints a group, version and kind.
std::string KindText(const Resource& resource);

}  // namespace skiff::cli
