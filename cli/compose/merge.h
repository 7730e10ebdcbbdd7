// Several compose files as one, by the rules of the Compose specification. Works on canonical nodes
// (canonical.h): one form for each thing, whatever form a file had.
//
// Maps are joined, lists appended, scalars replaced. Commands, entrypoints and tests are replaced
// as a whole; what can only be there once (a port, a mount, a name) is replaced by its key. A value
// tagged !override replaces, one tagged !reset takes away.
#pragma once

#include "cli/compose/mistakes.h"
#include "cli/compose/node.h"

namespace skiff::cli::compose {

// `path` is where both stand: "", "services/web". What cannot be joined stays as it was, and that
// is told.
void Merge(Node& base, Node other, const std::string& path, Mistakes& wrong);
// Takes away what is tagged !reset.
void DropReset(Node& node);

}  // namespace skiff::cli::compose
