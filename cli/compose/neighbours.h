// Whom a service stands on without saying so under depends_on.
#pragma once

#include <optional>
#include <string>

#include "cli/compose/node.h"

namespace skiff::cli::compose {

// "service:db" -> "db": of what is shared with another service; none: it is not.
std::optional<std::string> SharedService(const Node& node);

// Puts into depends_on of the services of `root` whom they link to, take volumes from or share a
// namespace with, as docker compose does; where depends_on says it itself it stays. Files are in
// their long forms.
void AddNeighbours(Node& root);

}  // namespace skiff::cli::compose
